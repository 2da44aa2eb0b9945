"""When a run gives up: too many failures, only 403s, a server that is gone."""

import pytest

from bulkseg.errors import ServerGone, TooManyFailures
from bulkseg.health import FIRST_ANSWERS, LONGEST_PAUSE, PATIENCE, REMIND, Health
from tests.virtual import VirtualTime


class AtMost:
    def __init__(self, count: int) -> None:
        self.count = count

    def passed(self, failed: int, _ended: int) -> bool:
        return failed > self.count

    def __str__(self) -> str:
        return str(self.count)


def health(time: VirtualTime, most: int = 1_000) -> Health:
    return Health(AtMost(most), 60.0, time.clock())


def test_more_failures_than_the_job_allows_stop_the_run():
    looked_at = health(VirtualTime(), most=2)
    for _ in range(2):
        looked_at.count(failed=True)
    assert looked_at.verdict() is None
    looked_at.count(failed=True)
    assert isinstance(looked_at.verdict(), TooManyFailures)


@pytest.mark.parametrize(
    ("forbidden", "others", "stops"), [(FIRST_ANSWERS, 0, True), (FIRST_ANSWERS, 1, False)]
)
def test_a_run_whose_first_answers_are_all_403_stops(forbidden, others, stops):
    looked_at = health(VirtualTime())
    for _ in range(others):
        looked_at.count(failed=False)
    for _ in range(forbidden):
        looked_at.count(failed=True, forbidden=True)
    assert isinstance(looked_at.verdict(), TooManyFailures) is stops


def test_a_silent_server_is_given_up_after_the_time_and_not_before():
    time = VirtualTime()
    looked_at = health(time)
    looked_at.silent(time.now, connected=False)
    time.now += 59.0
    assert looked_at.verdict() is None
    time.now += 1.0
    assert isinstance(looked_at.verdict(), ServerGone)


def test_one_answer_begins_the_time_anew():
    time = VirtualTime()
    looked_at = health(time)
    looked_at.silent(time.now, connected=False)
    time.now += 59.0
    looked_at.answered()
    looked_at.silent(time.now, connected=False)
    time.now += 59.0
    assert looked_at.verdict() is None


def test_an_outage_is_told_at_its_beginning_then_now_and_then_and_at_its_end():
    time = VirtualTime()
    looked_at = health(time)
    told = []
    for _ in range(100):
        looked_at.silent(time.now, connected=False)
        told.append(looked_at.to_tell())
        time.now += 1.0
    assert [seconds for seconds in told if seconds is not None] == [0.0, REMIND, 2 * REMIND, 3 * REMIND]
    assert looked_at.answered()
    assert not looked_at.answered()


def test_a_server_that_is_away_every_other_moment_is_told_of_no_more_often():
    time = VirtualTime()
    looked_at = health(time)
    words = 0
    for _ in range(600):
        looked_at.silent(time.now, connected=True)
        words += looked_at.to_tell() is not None
        time.now += 0.1
        words += looked_at.answered()
    assert words == 2 * (60 / REMIND)


def test_the_pauses_grow_to_a_bound_and_a_burst_counts_once():
    time = VirtualTime()
    looked_at = health(time)
    pauses = []
    for _ in range(12):
        pauses.append(looked_at.silent(time.now, connected=False))
        assert looked_at.silent(time.now - 1, connected=False) is None
        time.now += 1.0
    assert pauses == sorted(pauses)
    assert pauses[0] < 1
    assert pauses[-1] <= LONGEST_PAUSE


def test_a_server_that_takes_connections_is_paused_for_only_after_some_silences():
    time = VirtualTime()
    looked_at = health(time)
    pauses = []
    for _ in range(PATIENCE + 1):
        pauses.append(looked_at.silent(time.now, connected=True))
        time.now += 1.0
    assert pauses[:PATIENCE] == [None] * PATIENCE
    assert pauses[PATIENCE] is not None
