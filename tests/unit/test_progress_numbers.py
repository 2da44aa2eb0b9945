"""The figures of a run, worked out from its tally by a clock that the test moves."""

import pytest

from bulkseg.observe import Tally
from bulkseg.progress.numbers import Meter, duration


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def sends(tally, clock, meter, *, rate, seconds):
    """Moves on in quarters of a second, as the display does; every request makes a segment."""
    for _ in range(int(seconds * 4)):
        clock.now += 0.25
        tally.sent += rate / 4
        tally.created += rate / 4
        numbers = meter.read()
    return numbers


def test_at_the_start_nothing_is_reached_and_the_time_left_is_not_known(clock):
    numbers = Meter(Tally(total=10), clock).read()
    assert (numbers.seconds, numbers.reached, numbers.left) == (0.0, 0.0, None)
    assert numbers.time_left() == "time left not known"


def test_the_rate_reached_counts_every_request_of_the_last_seconds(clock):
    tally = Tally(total=1000)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=40, seconds=10)
    tally.searches += 20
    clock.now += 1
    assert meter.read().reached == pytest.approx((4 * 40 + 20) / 5)


def test_the_rate_reached_follows_a_change_within_seconds(clock):
    tally = Tally(total=1000)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=40, seconds=20)
    assert sends(tally, clock, meter, rate=4, seconds=5).reached == pytest.approx(4)


def test_the_time_left_goes_by_how_fast_specs_end(clock):
    tally = Tally(total=1000)
    meter = Meter(tally, clock)
    assert sends(tally, clock, meter, rate=20, seconds=10).left == pytest.approx(800 / 20)


def test_the_time_left_is_calmer_than_the_rate(clock):
    tally = Tally(total=2000)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=20, seconds=30)
    numbers = sends(tally, clock, meter, rate=0, seconds=6)
    assert numbers.reached == 0
    assert numbers.left == pytest.approx((2000 - 600) / (12 * 20 / 18))


def test_the_time_left_is_not_known_once_nothing_has_moved_for_long(clock):
    tally = Tally(total=1000)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=20, seconds=10)
    assert sends(tally, clock, meter, rate=0, seconds=31).left is None


def test_the_time_left_is_not_known_where_all_the_rest_is_held_back(clock):
    tally = Tally(total=100)
    meter = Meter(tally, clock)
    tally.waiting = 2
    assert sends(tally, clock, meter, rate=49, seconds=2).left is None


def test_nothing_is_left_of_a_run_that_is_done(clock):
    tally = Tally(total=3, created=2, failed=1)
    assert Meter(tally, clock).read().left == 0.0


def test_a_reading_every_half_minute_gives_the_rate_of_that_time(clock):
    tally = Tally(total=1000)
    meter = Meter(tally, clock)
    for _ in range(3):
        clock.now += 30
        tally.sent += 300
        numbers = meter.read()
    assert numbers.reached == pytest.approx(10)


def test_the_memory_of_a_long_run_is_bounded(clock):
    tally = Tally(total=10**6)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=10, seconds=300)
    assert len(meter._samples) < 130


def test_the_words_tell_what_is_slow_and_why(clock):
    tally = Tally(
        total=9, created=1234, failed=2, unknown=1, in_flight=3, allowed=2.5, why="429 from the server"
    )
    numbers = Meter(tally, clock).read()
    assert numbers.counts() == "1,234 created · 2 failed · 1 unknown · 0 waiting"
    assert numbers.pace() == "0.0 of 2.5 requests/s · 3 in flight · 429 from the server"
    assert Meter(Tally(), clock).read().pace() == "0.0 requests/s · 0 in flight"


@pytest.mark.parametrize(
    ("reached", "tally", "words"),
    [
        (10, Tally(in_flight=3), "the job's own limit"),
        (4, Tally(in_flight=8), "the server takes 2 s to answer"),
        (4, Tally(in_flight=8, why="throttled by the server"), "throttled by the server"),
        (4, Tally(waiting=100), "finding out what became of the rest"),
        (0, Tally(in_flight=8), "waits for answers"),
    ],
)
def test_what_keeps_it_from_being_faster_is_told(clock, reached, tally, words):
    tally.total, tally.allowed = 100, 10
    meter = Meter(tally, clock)
    clock.now += 5
    tally.sent += 5 * reached
    assert meter.read().why() == words


def test_the_time_left_settles_though_the_rate_is_unsteady_and_the_first_ones_are_slow(clock):
    tally = Tally(total=3000, allowed=20)
    meter = Meter(tally, clock)
    sends(tally, clock, meter, rate=1, seconds=4)
    told = []
    for second in range(120):
        numbers = sends(tally, clock, meter, rate=30 if second % 3 == 0 else 15, seconds=1)
        told.append(numbers.time_left())
    assert told[-1] == "30 s left"
    # Half a minute after the start it only goes down, step by step.
    left = [text for text in told[30:] if "min" in text]
    assert left == sorted(left, key=left.index)
    assert len(set(left)) <= 13


def test_before_anything_is_known_the_time_left_goes_by_the_rate_that_is_allowed(clock):
    tally = Tally(total=100, allowed=10)
    assert Meter(tally, clock).read().time_left() == "10 s left"


def test_the_fields_of_a_log_line_are_rounded_figures(clock):
    tally = Tally(total=3, created=1, allowed=1 / 3)
    meter = Meter(tally, clock)
    clock.now += 7.77
    fields = meter.read().fields()
    assert (fields["total"], fields["done"], fields["allowed"], fields["seconds"]) == (3, 1, 0.3, 7.8)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (36_000_000, "10,000 h 00 min"),
    ],
)
def test_a_duration_is_as_exact_as_is_of_use(seconds, words):
    assert duration(seconds) == words
