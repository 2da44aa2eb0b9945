import pytest

from bulkseg.errors import ConfigError
from bulkseg.sandbox.faults import Fault, FaultKind, Schedule, parse_fault
from bulkseg.sandbox.settings import Settings


def played(*faults: str, requests: int) -> list[str | None]:
    schedule = Schedule([parse_fault(fault) for fault in faults])
    return [schedule.next() for _ in range(requests)]


def test_a_fault_is_written_as_its_kind_and_how_often():
    assert parse_fault("broken-off:7") == Fault(FaultKind.BROKEN_OFF, 7)


@pytest.mark.parametrize(
    "text", ["", "lost", "lost:", "lost:0", "lost:-1", "lost:x", "lost:²", "late:3", ":3"]
)
def test_a_fault_that_cannot_be_read_is_refused(text):
    with pytest.raises(ConfigError):
        parse_fault(text)


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(ConfigError, match="lost, hang, broken-off, 500-after, 503-after, cut, 500-before"):
        parse_fault("late:3")


def test_every_third_request_is_hit():
    assert played("lost:3", requests=7) == [None, None, "lost", None, None, "lost", None]


def test_two_faults_that_are_due_at_once_hit_one_request_each():
    assert played("lost:3", "cut:3", requests=7) == [None, None, "lost", "cut", None, "lost", "cut"]


def test_seven_faults_at_once_each_hit_as_often_as_they_are_to():
    kinds = ["lost", "500-after", "cut", "503-after", "500-before", "broken-off", "html-502"]
    hits = played(*(f"{kind}:14" for kind in kinds), requests=14 * 20 + 7)
    assert {kind: hits.count(kind) for kind in kinds} == dict.fromkeys(kinds, 20)


def test_faults_of_different_periods_lose_no_turn():
    hits = played("lost:4", "cut:6", requests=121)
    assert (hits.count("lost"), hits.count("cut")) == (30, 20)


def test_faults_that_leave_no_request_alone_take_turns():
    assert played("lost:1", "cut:1", requests=4) == ["lost", "cut", "lost", "cut"]


def test_a_fault_that_is_always_due_does_not_keep_the_others_waiting_longer_and_longer():
    assert played("lost:1", "cut:2", requests=200).count("cut") > 90


def test_only_three_kinds_make_nothing():
    assert {kind for kind in FaultKind if not kind.made} == {"cut", "500-before", "html-502"}


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0}, {"latency": -1}, {"search_lag": -0.1}, {"port": -1}, {"forbid": -1}, {"retry_after": -1}],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        Settings(**wrong)
