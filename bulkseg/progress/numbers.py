"""The figures of a run at one moment, worked out from its tally, and how they are written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bulkseg.observe import Tally

# Seconds that the rate and the time left look back: the one is to be quick, the other calm.
RATE_WINDOW = 5.0
LEFT_WINDOW = 30.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """A run at one moment: its tally, the seconds since it began, the rate it reaches, the seconds left.

    `reached` is in requests a second; `left` is None while nothing moves, for then nobody knows.
    """

    tally: Tally
    seconds: float
    reached: float
    left: float | None

    def fields(self) -> dict[str, Any]:
        """For a line of the log: every figure by its name, seconds and rates rounded."""
        figures = {**asdict(self.tally), "done": self.tally.done, "seconds": self.seconds}
        figures |= {"reached": self.reached, "left": self.left}
        return {name: round(part, 1) if isinstance(part, float) else part for name, part in figures.items()}

    def counts(self) -> str:
        """Where the specs are; those that are seldom there only if they are."""
        tally = self.tally
        always = [f"{tally.created:,} created", f"{tally.failed:,} failed", f"{tally.waiting:,} waiting"]
        some = {"unknown": tally.unknown, "skipped": tally.skipped, "adopted": tally.adopted}
        return " · ".join([*always, *(f"{count:,} {word}" for word, count in some.items() if count)])

    def pace(self) -> str:
        """The present rate against the one allowed, what is under way, and why it is not faster."""
        lower = f" · {self.tally.why}" if self.tally.why else ""
        allowed = f"{round(self.tally.allowed, 1):g}"
        return f"{self.reached:.1f} of {allowed} requests/s · {self.tally.in_flight} in flight{lower}"

    def time_left(self) -> str:
        """`3 min 20 s left`, or that it is not known."""
        return "time left not known" if self.left is None else f"{duration(self.left)} left"


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

    def read(self) -> Numbers:
        """The numbers now."""
        now = self._sample()
        self._forget(now.at - LEFT_WINDOW)
        self._samples.append(now)
        return Numbers(self._tally, now.at - self._first.at, self._reached(now), self._left(now))

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
        then = self._since(now.at - LEFT_WINDOW)
        remaining, moved = self._tally.total - now.done, now.done - then.done
        if remaining <= 0:
            return 0.0
        return remaining * (now.at - then.at) / moved if moved else None


_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`: as exact as is of use."""
    whole = round(seconds)
    if whole < 1:
        return f"{seconds:.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE:02d} min"
