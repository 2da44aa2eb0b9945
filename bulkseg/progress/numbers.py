"""The figures of a run at one moment, worked out from its tally, and how they are written."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bulkseg.duration import HOUR, MINUTE, duration
from bulkseg.observe import Tally

# Seconds that the rate and the time left look back: the one is to be quick, the other calm.
RATE_WINDOW = 5.0
LEFT_WINDOW = 30.0
# Before so many seconds have passed, the time left goes by the rate allowed alone.
SOON = 3.0
# The time left is told to have grown only when it has, by so much.
MORE = 1.2
# What of the allowed rate counts as all of it: the least pause between two requests can cost so much.
NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Numbers:
    """A run at one moment: its tally, the seconds since it began, the rate it reaches, the seconds left.

    `reached` is in requests a second; `left` is None while nothing moves, for then nobody knows. `told` is
    the same for people: in steps, and not up again for a little.
    """

    tally: Tally
    seconds: float
    reached: float
    left: float | None
    told: float | None

    def fields(self) -> dict[str, Any]:
        """For a line of the log: every figure by its name, seconds and rates rounded."""
        figures = {**asdict(self.tally), "done": self.tally.done, "seconds": self.seconds}
        figures |= {"reached": self.reached, "left": self.left}
        return {name: round(part, 1) if isinstance(part, float) else part for name, part in figures.items()}

    @property
    def waiting(self) -> int:
        """Specs that have not come to an end and are not under way."""
        return max(0, self.tally.total - self.tally.done - self.tally.in_flight)

    def counts(self) -> str:
        """Where the specs are; those that are seldom there only if they are."""
        tally = self.tally
        held = f" ({tally.waiting:,} of them held back)" if tally.waiting else ""
        always = [f"{tally.created:,} created", f"{tally.failed:,} failed"]
        some = {"unknown": tally.unknown, "skipped": tally.skipped, "adopted": tally.adopted}
        seldom = [f"{count:,} {word}" for word, count in some.items() if count]
        return " · ".join([*always, *seldom, f"{self.waiting:,} waiting{held}"])

    def pace(self) -> str:
        """The present rate against the one allowed, what is under way, and why it is not faster."""
        why = self.why()
        # None is told before the first request: the pace has not been asked yet.
        allowed = f" of {round(self.tally.allowed, 1):g}" if self.tally.allowed else ""
        told = f"{self.reached:.1f}{allowed} requests/s · {self.tally.in_flight} in flight"
        return f"{told} · {why}" if why else told

    def why(self) -> str:
        """What keeps it from being faster: the server's word or slowness, a doubt, or the job's own limit."""
        tally = self.tally
        if tally.why or not self.waiting or self.seconds < SOON:
            return tally.why
        if self.reached >= NEARLY * tally.allowed:
            return "the job's own limit"
        if self.waiting <= tally.waiting:
            return "finding out what became of the rest"
        # Little's law: what is under way is the rate times the time that one takes.
        seconds = tally.in_flight / self.reached if self.reached else None
        return "waits for answers" if seconds is None else f"the server takes {duration(seconds)} to answer"

    @property
    def percent(self) -> int:
        """Whole percents that are done; 100 only when all is."""
        return 100 * self.tally.done // self.tally.total if self.tally.total else 100

    def time_left(self) -> str:
        """`3 min 20 s left`, or that it is not known."""
        if self.told is None:
            return "time left not known"
        return f"{duration(self.told)} left" if self.told else "done"


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    requests: int
    done: int


class Meter:
    """Reads a tally now and then, and tells rates from how it moved. `monotonic` is in seconds."""

    def __init__(self, tally: Tally, monotonic: Callable[[], float]) -> None:
        self._tally = tally
        self._monotonic = monotonic
        self._first = self._sample()
        self._samples = deque([self._first])
        self._told: float | None = None

    def read(self) -> Numbers:
        """The numbers now."""
        now = self._sample()
        self._forget(now.at - LEFT_WINDOW)
        self._samples.append(now)
        left = self._left(now)
        self._told = _calmed(self._told, left)
        return Numbers(self._tally, now.at - self._first.at, self._reached(now), left, self._told)

    def _sample(self) -> _Sample:
        return _Sample(self._monotonic(), self._tally.sent + self._tally.searches, self._tally.done)

    def _forget(self, before: float) -> None:
        """Keeps one sample that is older, so that a window is always whole."""
        while len(self._samples) > 1 and self._samples[1].at <= before:
            self._samples.popleft()

    def _since(self, before: float) -> _Sample:
        """The newest sample that is no younger than `before`, or the oldest there is."""
        return next((old for old in reversed(self._samples) if old.at <= before), self._samples[0])

    def _reached(self, now: _Sample) -> float:
        then = self._since(now.at - RATE_WINDOW)
        return (now.requests - then.requests) / (now.at - then.at) if now.at > then.at else 0.0

    def _left(self, now: _Sample) -> float | None:
        passed = now.at - self._first.at
        # The first ones go alone, and slowly: what lies in the first half of the time is soon left out.
        then = self._since(now.at - min(LEFT_WINDOW, max(RATE_WINDOW, passed / 2)))
        remaining, moved = self._tally.total - now.done, now.done - then.done
        if remaining <= 0:
            return 0.0
        if remaining <= self._tally.waiting:  # how long a doubt takes, no rate can tell
            return None
        if passed < SOON and self._tally.allowed:
            return remaining / self._tally.allowed
        return remaining * (now.at - then.at) / moved if moved else None


def _calmed(before: float | None, left: float | None) -> float | None:
    """The time left as it is told after `before`: it goes up only where there is clearly more left."""
    if before and left and before < left < MORE * before:
        return before
    return left and _stepped(left)


def _stepped(seconds: float) -> float:
    """Rounded up to what is told: the further off the end, the less exact anybody can be."""
    steps = ((MINUTE, 1), (10 * MINUTE, 10), (HOUR, MINUTE))
    step = next((step for most, step in steps if seconds <= most), 5 * MINUTE)
    return math.ceil(seconds / step) * step
