"""The pace: even spacing, pauses, and what a 429 does to the rate; all in virtual time."""

import asyncio
from itertools import pairwise

import pytest

from bulkseg.pace import HEADROOM, Pace, ceiling
from tests.virtual import VirtualTime


class NoCeiling:
    async def acquire(self) -> None:
        return None


def paced(time: VirtualTime, rate: float) -> Pace:
    return Pace(rate, clock=time.clock(), hard=NoCeiling())


async def sends(pace: Pace, time: VirtualTime, count: int) -> list[float]:
    times = []
    for _ in range(count):
        await pace.turn()
        times.append(time.now)
    return times


@pytest.mark.parametrize("rate", [0.5, 10, 300])
async def test_requests_are_evenly_spaced_just_under_the_rate(rate):
    time = VirtualTime()
    times = await sends(paced(time, rate), time, 50)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps == pytest.approx([1 / (rate * HEADROOM)] * 49)


async def test_a_turn_that_needs_no_waiting_is_taken_and_counts_like_any_other():
    time = VirtualTime()
    pace = paced(time, 10)
    assert [pace.try_turn(), pace.try_turn()] == [True, False]
    (second,) = await sends(pace, time, 1)
    assert second - 1_000.0 == pytest.approx(1 / (10 * HEADROOM))
    assert not pace.try_turn()
    time.now += 0.11
    assert pace.try_turn()


async def test_nobody_passes_a_pause_or_those_who_wait():
    time = VirtualTime()
    waiting, woken = asyncio.Event(), asyncio.Event()

    class SlowForTheFirst(NoCeiling):
        async def acquire(self) -> None:
            if not waiting.is_set():
                waiting.set()
                await woken.wait()

    pace = Pace(10, clock=time.clock(), hard=SlowForTheFirst())
    first = asyncio.create_task(pace.turn())
    await waiting.wait()
    assert not pace.try_turn()
    woken.set()
    await first
    pace.pause(3.0, "asked to")
    time.now += 2.9
    assert not pace.try_turn()
    time.now += 0.2
    assert pace.try_turn()


async def test_a_turn_without_a_wait_is_under_the_hard_ceiling_and_what_it_refuses_takes_no_place():
    time = VirtualTime()
    hard = ceiling(2)
    pace = Pace(1000, clock=time.clock(), hard=hard)

    def takes(count: int) -> list[bool]:
        found = []
        for _ in range(count):
            time.now += 1.0
            found.append(pace.try_turn())
        return found

    assert takes(10) == [True, True] + [False] * 8
    hard.period = 0.01  # what has a place gives it up soon; the ceiling's own clock cannot be handed in
    await asyncio.sleep(0.02)
    assert takes(2) == [True, True]


async def test_time_lost_is_caught_up_only_in_part():
    time = VirtualTime()
    pace = paced(time, 100)
    await sends(pace, time, 10)
    time.now += 5.0
    times = await sends(pace, time, 100)
    at_once = [t for t in times if t - times[0] < 0.1]
    assert len(at_once) <= 2.5 * 10


async def test_a_pause_holds_everything_and_the_longest_counts():
    time = VirtualTime()
    pace = paced(time, 100)
    pause_from = time.now
    pace.pause(3.0, "asked to")
    pace.pause(1.0, "asked to, less")
    assert pace.why == "asked to"
    assert (await sends(pace, time, 1))[0] >= pause_from + 3.0
    assert pace.why == ""


async def test_a_burst_of_429_counts_once():
    time = VirtualTime()
    pace = paced(time, 100)
    for _ in range(50):
        await pace.turn()
        pace.accepted()
    left = [time.now - 0.2, time.now - 0.1, time.now]
    assert [pace.throttled(at, None) for at in left] == [True, False, False]
    once = pace.allowed
    assert 0 < once < 100
    await pace.turn()
    time.now += 0.01
    assert pace.throttled(time.now, None)
    assert pace.allowed <= once


async def test_the_rate_falls_below_what_the_server_just_accepted():
    time = VirtualTime()
    pace = paced(time, 200)
    for _ in range(80):
        await pace.turn()
        if int(time.now * 1000) % 4:
            pace.accepted()
    accepted = len(pace._accepted)
    pace.throttled(time.now, None)
    assert pace.allowed <= accepted


async def test_the_rate_comes_back_in_the_end():
    time = VirtualTime()
    pace = paced(time, 50)
    pace.throttled(time.now, 1.0)
    assert pace.allowed < 50
    while time.now < 1_120:
        await pace.turn()
        pace.accepted()
    assert pace.allowed == 50
    assert pace.why == ""


@pytest.mark.parametrize(("retry_after", "least"), [(7.0, 7.0), (0.0, 0.2), (None, 0.2)])
async def test_retry_after_is_honoured_and_zero_is_not_at_once(retry_after, least):
    time = VirtualTime()
    pace = paced(time, 50)
    pace.throttled(time.now, retry_after)
    assert pace.paused_for >= least


@pytest.mark.parametrize(
    ("rate", "limit", "period"), [(10, 10, 1.0), (2.5, 2, 0.8), (0.5, 1, 2.0), (300, 300, 1.0)]
)
def test_the_ceiling_of_a_fractional_rate_is_whole_with_a_scaled_period(rate, limit, period):
    throttler = ceiling(rate)
    assert (throttler.rate_limit, throttler.period) == (limit, pytest.approx(period))
