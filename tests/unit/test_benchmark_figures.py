"""The arithmetic of the benchmarks, whose figures are budgets."""

from __future__ import annotations

import pytest

from benchmarks.children import Ended
from benchmarks.growth import flat, slope
from benchmarks.pace import most_within, speed
from benchmarks.soak import Sample, growth_budgets, rise
from benchmarks.source import names
from benchmarks.throughput import OURS, Turn, ratio


def test_even_sending_reaches_its_rate_and_never_more():
    times = [number / 50 for number in range(500)]
    assert speed(times) == pytest.approx(50)
    assert most_within(times, 1.0) in {50, 51}  # one more where a division rounds down
    assert most_within(times, 0.1) in {5, 6}


@pytest.mark.parametrize(
    ("times", "most"),
    [([0.0], 1), ([0.0, 0.5, 1.0], 2), ([0.0, 0.9, 0.95, 1.0, 1.85], 4), ([0.0, 0.0, 0.0], 3)],
)
def test_the_fullest_span_is_found_wherever_it_begins(times, most):
    assert most_within(times, 1.0) == most


def test_names_come_once_each():
    assert len(set(names(1000))) == 1000


@pytest.mark.parametrize(("power", "factor"), [(0.0, 70.0), (1.0, 1e-5), (0.5, 3.0), (-1.0, 2.0)])
def test_the_slope_on_a_log_log_plot_is_the_power_whatever_the_factor(power, factor):
    sizes = [10_000, 100_000, 1_000_000]
    assert slope(sizes, [factor * size**power for size in sizes]) == pytest.approx(power)


def ended(seconds, peak, used=()):
    return Ended(began=0.0, seconds=seconds, cpu=seconds, peak=peak, output=b"", used=used)


@pytest.mark.parametrize(("largest", "kept"), [(120.0, True), (121.0, False), (20.0, True)])
def test_memory_is_flat_when_a_million_rows_take_little_more_than_ten_thousand(largest, kept):
    points = [(1_000, ended(1, 30.0)), (10_000, ended(1, 70.0)), (1_000_000, ended(90, largest))]
    assert [budget.kept for budget in flat("run", points)] == [kept]


def test_the_cpu_used_by_a_moment_is_that_of_the_next_look():
    end = ended(9.0, 70.0, [(1.0, 0.5), (2.0, 1.5)])
    assert [end.cpu_by(at) for at in (0.5, 1.0, 1.1, 2.1)] == [0.5, 0.5, 1.5, 9.0]


def test_the_speed_in_times_anothers_is_the_median_of_the_turns():
    ours, theirs = (100.0, 300.0, 200.0), (200.0, 300.0, 100.0)
    seen = [{OURS: Turn(a, 0.0), "pool": Turn(b, 0.0)} for a, b in zip(ours, theirs, strict=True)]
    assert ratio(seen, "pool") == 1.0


@pytest.mark.parametrize(
    ("values", "more"), [([5.0] * 5, 0.0), ([0.0, 1.0, 2.0, 3.0, 4.0], 4.0), ([0.0, 9.0, 0.0, 9.0, 0.0], 0.0)]
)
def test_growth_is_what_the_line_through_the_samples_rises_by(values, more):
    assert rise([10.0, 11.0, 12.0, 13.0, 14.0], values) == pytest.approx(more)


@pytest.mark.parametrize(
    ("leak", "kept"),
    [({}, [True] * 3), ({"mib": 0.5}, [False, True, True]), ({"tasks": 1}, [True, True, False])],
)
def test_a_soak_tells_what_grows(leak, kept):
    samples = [
        Sample(at, 80 + at * leak.get("mib", 0), 90, 70 + at * leak.get("tasks", 0), at * 9)
        for at in range(200)
    ]
    assert [budget.kept for budget in growth_budgets(samples)] == kept
