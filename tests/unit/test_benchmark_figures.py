"""The arithmetic of the benchmarks, whose figures are budgets."""

from __future__ import annotations

import pytest

from benchmarks.pace import most_within, speed
from benchmarks.source import names


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
