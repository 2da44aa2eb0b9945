import pytest
from aiohttp import encode_basic_auth

from bulkseg.clock import Clock
from bulkseg.sandbox.gate import Gate, RateLimit, signed_in
from bulkseg.sandbox.oauth import OAuth
from bulkseg.sandbox.rejections import Rejection
from bulkseg.sandbox.settings import Settings

OURS = encode_basic_auth("Sandbox\\demo", "demo")


def gate_of(settings: Settings, clock: Clock) -> Gate:
    return Gate(settings, clock, OAuth(settings, clock))


def admitted(rate: float, times: list[float]) -> list[float]:
    limit = RateLimit(rate)
    return [at for at in times if limit.admits(at)]


@pytest.mark.parametrize(
    ("rate", "period", "most"),
    [(1, 1.0, 1), (10, 1.0, 10), (2.5, 2.0, 5), (0.5, 2.0, 1), (0.001, 1_000.0, 1)],
)
def test_no_more_than_the_rate_comes_in_however_one_looks_at_it(rate, period, most):
    times = admitted(rate, [period * step / 97 for step in range(400)])
    windows = [sum(start <= at < start + period for at in times) for start in times]
    assert max(windows) == most


def test_what_was_refused_does_not_count():
    assert admitted(1, [0.0, 0.5, 0.9, 1.0, 1.1, 2.0]) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("authorization", "known"),
    [
        (OURS, True),
        (OURS.replace("Basic", "basic"), True),
        (encode_basic_auth("Sandbox\\demo", "wrong"), False),
        (encode_basic_auth("demo", "demo"), False),
        (OURS.replace("Basic", "Bearer"), False),
        ("Basic", False),
        ("", False),
    ],
)
def test_only_the_demo_user_is_let_in(authorization, known):
    assert signed_in(authorization) is known


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        (Settings(rate=1, retry_after=None), {}),
        (Settings(rate=1, retry_after=3), {"Retry-After": "3"}),
        (
            Settings(rate=1, retry_after=3, retry_after_as_date=True),
            {"Retry-After": "Thu, 01 Jan 1970 00:00:08 GMT"},
        ),
    ],
)
def test_too_many_requests_are_told_when_to_come_again(settings, headers):
    gate = gate_of(settings, Clock(now=lambda: 4.2, monotonic=lambda: 0.0))
    gate.pass_through(OURS, making=False)
    with pytest.raises(Rejection) as refused:
        gate.pass_through(OURS, making=False)
    assert (refused.value.status, refused.value.headers) == (429, headers)


def test_the_first_creates_are_forbidden_and_nothing_else():
    gate = gate_of(Settings(forbid=1), Clock())
    gate.pass_through(OURS, making=False)
    with pytest.raises(Rejection) as refused:
        gate.pass_through(OURS, making=True)
    assert refused.value.status == 403
    gate.pass_through(OURS, making=True)
