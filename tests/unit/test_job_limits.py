"""Durations, counts and shares, as people write them."""

import pytest
from pydantic import ValidationError

from bulkseg.job import Count, Limits, Share
from bulkseg.job.limits import count_or_share, seconds


@pytest.mark.parametrize(
    ("given", "meant"),
    [("30s", 30), ("10m", 600), ("1h", 3600), ("500ms", 0.5), ("1.5 s", 1.5), (2, 2), (0.25, 0.25)],
)
def test_a_duration_is_in_seconds(given, meant):
    assert seconds(given) == pytest.approx(meant)


@pytest.mark.parametrize("given", ["", "30", "s", "-1s", "1d", "1e3s", "١s", True, None, []])
def test_what_is_no_duration_is_refused(given):
    with pytest.raises(ValueError, match="must be a duration"):
        seconds(given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("5%", Share(0.05)), ("0.5 %", Share(0.005)), ("100%", Share(1.0)), (50, Count(50)), (0, Count(0))],
)
def test_failures_are_limited_by_a_count_or_a_share(given, meant):
    assert count_or_share(given) == meant


@pytest.mark.parametrize("given", ["5", "101%", "-1%", -1, 0.05, True, None])
def test_what_is_neither_a_count_nor_a_share_is_refused(given):
    with pytest.raises(ValueError, match="must be a count"):
        count_or_share(given)


def test_the_defaults_are_those_that_are_documented():
    assert dict(Limits()) == {
        "rate": 10,
        "concurrency": 8,
        "max_attempts": 5,
        "timeout": 30,
        "settle": 60,
        "max_failures": Share(0.05),
        "give_up_after": 600,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rate", 0),
        ("rate", -1),
        ("rate", float("inf")),
        ("rate", float("nan")),
        ("rate", "10"),
        ("concurrency", 0),
        ("concurrency", 1001),
        ("concurrency", 1.5),
        ("concurrency", True),
        ("max_attempts", 0),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("give_up_after", "0s"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(key, value):
    with pytest.raises(ValidationError):
        Limits.model_validate({key: value})
