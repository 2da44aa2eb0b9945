"""How fast: requests leave evenly spaced, under a hard ceiling, and wait together when the server says so.

asyncio-throttle's `Throttler` holds the ceiling. It lets a whole period's worth go at once, polls, and cannot
be paused; so the spacing and the pauses are here, and only one caller at a time waits on it. How the rate
follows what the server says is decided in `adapt`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Protocol

from asyncio_throttle import Throttler

from bulkseg.adapt import Level, allowed, refused
from bulkseg.clock import Clock

# Sending exactly at the ceiling would let the wire's jitter push an eleventh request into a second of ten.
HEADROOM = 0.99
# How late the schedule may run and still catch up, in seconds: half a tenth of a second's share at the most.
SLACK = 0.05
# The first pause after a 429 that names none, doubled while they go on, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 60.0


class Ceiling(Protocol):
    """What asyncio-throttle's Throttler promises: `acquire` returns when one more request may leave."""

    def acquire(self) -> Coroutine[None, None, None]:
        """Waits for a place."""


def ceiling(rate: float) -> Ceiling:
    """A Throttler for `rate` requests a second; a fraction needs a whole limit with a scaled period."""
    limit = max(1, int(rate))
    throttler: Ceiling = Throttler(
        rate_limit=limit, period=limit / rate, retry_interval=min(0.01, max(0.001, 0.5 / rate))
    )
    return throttler


class Pace:
    """The rate of one site. All that is sent to it takes its turn here, searches and retries included."""

    def __init__(self, rate: float, *, clock: Clock, hard: Ceiling | None = None) -> None:
        self._level = Level(ceiling=rate)
        self._clock = clock
        self._hard = ceiling(rate) if hard is None else hard
        self._turn = asyncio.Lock()
        self._next = clock.monotonic()
        self._paused_until = 0.0
        self._why = ""
        self._cut_at = 0.0
        self._bursts = 0
        self._accepted: deque[float] = deque()

    async def turn(self) -> None:
        """Returns when one more request may leave."""
        async with self._turn:
            while (delay := self._next - self._clock.monotonic()) > 0:
                await self._clock.sleep(delay)
            await self._hard.acquire()
            self._taken()

    def try_turn(self) -> bool:
        """Takes a turn where nobody has to wait for one; whether it did."""
        if self._turn.locked() or self._next > self._clock.monotonic() or not _at_once(self._hard.acquire()):
            return False
        self._taken()
        return True

    def _taken(self) -> None:
        now = self._clock.monotonic()
        self._next = max(self._next, now - SLACK) + 1 / (allowed(self._level, now) * HEADROOM)

    def pause(self, seconds: float, why: str) -> None:
        """Nothing leaves for so many seconds; the longest pause asked for counts."""
        until = self._clock.monotonic() + seconds
        if until > self._paused_until:
            self._paused_until, self._why = until, why
            self._next = max(self._next, until)

    def accepted(self) -> None:
        """An answer other than a 429 came: the server bore this one."""
        now = self._clock.monotonic()
        self._accepted.append(now)
        self._forget(now)
        self._bursts = 0

    def throttled(self, left_at: float, retry_after: float | None) -> bool:
        """A 429 came to a request that left at `left_at` (monotonic). True if it begins a new burst.

        Requests that left before the last cut belong to the same burst: they say nothing new. `retry_after`
        is in seconds; 0 does not mean at once, so the backoff is a floor under it.
        """
        if left_at <= self._cut_at:
            return False
        now = self._clock.monotonic()
        self._forget(now)
        backoff = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._bursts) * (0.5 + self._clock.chance() / 2)
        self.pause(max(backoff, retry_after or 0.0), "throttled by the server")
        borne = float(len(self._accepted)) or self.allowed / 2
        self._level = refused(self._level, borne, self._paused_until)
        self._cut_at = now
        self._bursts += 1
        return True

    @property
    def allowed(self) -> float:
        """The present rate, in requests a second."""
        return allowed(self._level, self._clock.monotonic())

    @property
    def why(self) -> str:
        """Why nothing leaves, or less than the ceiling allows; empty when it is the job's own rate."""
        if self._clock.monotonic() < self._paused_until:
            return self._why
        return "throttled by the server" if self.allowed < self._level.ceiling else ""

    @property
    def paused_for(self) -> float:
        """Seconds until something may leave again."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    def _forget(self, now: float) -> None:
        while self._accepted and self._accepted[0] < now - 1.0:
            self._accepted.popleft()


def _at_once(acquire: Coroutine[None, None, None]) -> bool:
    """Whether it comes to its end without a wait; if not, it has not begun to wait."""
    try:
        acquire.send(None)
    except StopIteration:
        return True
    acquire.close()
    return False
