"""Figures of any number of specs, taken one by one, in memory that does not grow with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from bulkseg.report.findings import Latency, Moment

# So many steps are drawn at most: more than a phone has room for, and few enough to read as a table.
STEPS = 120
# Latencies are kept in classes that are 2 % apart, so a percentile is right within 1 %.
_CLASS = 1.02
_SHORTEST = 1e-6
_PERCENTILES = (50, 90, 95, 99)


class Timeline:
    """Ends over time, in equal steps of a second or more; a step becomes twice as long when they run out."""

    def __init__(self) -> None:
        self._step = 1
        self._ended = [0] * STEPS
        self._bad = [0] * STEPS
        self._last = 0.0

    def add(self, at: float, *, bad: bool) -> None:
        """One spec ended `at` seconds into the run."""
        while at >= self._step * STEPS:
            self._ended, self._bad = _halved(self._ended), _halved(self._bad)
            self._step *= 2
        self._last = max(self._last, at)
        place = int(at // self._step)
        self._ended[place] += 1
        self._bad[place] += bad

    def moments(self) -> tuple[Moment, ...]:
        """The rate in the middle of each step. The last step is as long as what is left, half a step more."""
        steps = max(1, round(self._last / self._step))
        return tuple(self._moments(steps))

    def _moments(self, steps: int) -> Iterator[Moment]:
        for place in range(steps):
            start, last = place * self._step, place == steps - 1
            length = max(self._last - start, self._step / 2) if last else self._step
            these = slice(place, None) if last else slice(place, place + 1)
            ended, bad = sum(self._ended[these]), sum(self._bad[these])
            yield Moment(start + length / 2, ended / length, bad / length)


def _halved(counts: list[int]) -> list[int]:
    pairs = zip(counts[::2], counts[1::2], strict=True)
    return [first + second for first, second in pairs] + [0] * (len(counts) // 2)


class Latencies:
    """How long answers took."""

    def __init__(self) -> None:
        self._classes: Counter[int] = Counter()
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        """One answer."""
        self._classes[round(math.log(max(seconds, _SHORTEST), _CLASS))] += 1
        self._longest = max(self._longest, seconds)

    def latency(self) -> Latency | None:
        """The percentiles and the longest one; None where there was no answer."""
        if not self._classes:
            return None
        percentiles = tuple((f"p{percent}", self._within(percent / 100)) for percent in _PERCENTILES)
        return Latency(self._classes.total(), (*percentiles, ("longest", self._longest)))

    def _within(self, share: float) -> float:
        """The time within which that share of the answers came."""
        left = math.ceil(share * self._classes.total())
        for number in sorted(self._classes):
            left -= self._classes[number]
            if left <= 0:
                return min(_CLASS**number, self._longest)
        return self._longest
