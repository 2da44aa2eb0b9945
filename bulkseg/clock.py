"""Time and chance, handed in: so that a test decides what time it is, and none sleeps."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

# A machine that was asleep has waited all the same; on Linux only this clock goes on meanwhile.
_COUNT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# Some five times for each spec it is asked what time it is: without a function of our own around it.
_SECONDS = partial(time.clock_gettime, _COUNT)
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def _this_boot() -> str | None:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is Unix time and may jump; `monotonic` only goes on; both in seconds, as `sleep` is.

    `boot` names what `monotonic` counts from, so that another process can go on counting; None where nothing
    tells (macOS).
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = _SECONDS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = field(default=random.random)
    boot: Callable[[], str | None] = _this_boot


def steady(clock: Clock) -> Clock:
    """The same, but `now` goes on from what it is at this moment, however the clock is set meanwhile."""
    now, began = clock.now(), clock.monotonic()
    return replace(clock, now=lambda: now + clock.monotonic() - began)
