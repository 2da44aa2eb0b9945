"""Servers to try the pace on, in virtual time: what they answer to a request that arrives at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Limit = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Reaction:
    """The answer: a status (0 for none at all), after so many seconds, with or without Retry-After."""

    status: int
    after: float
    retry_after: float | None = None


class Server(Protocol):
    """Decides about each request."""

    def react(self, now: float, in_flight: int) -> Reaction:
        """To a request that arrives now, while so many others are under way."""

    def possible(self, now: float) -> float:
        """The most that it would bear at that time, in requests a second."""


@dataclass(slots=True)
class Windowed:
    """So many requests in any second, by `limit` at that time; refuses the rest. Silent while `down`."""

    limit: Limit
    latency: float = 0.02
    retry_after: float | None = None
    down: tuple[float, float] = (0.0, 0.0)
    _taken: deque[float] = field(default_factory=deque)

    def react(self, now: float, in_flight: int) -> Reaction:  # noqa: ARG002 - it does not count them
        if self.down[0] <= now < self.down[1]:
            return Reaction(0, self.latency)
        while self._taken and self._taken[0] <= now - 1.0:
            self._taken.popleft()
        if len(self._taken) >= self.limit(now):
            return Reaction(429, self.latency / 2, self.retry_after)
        self._taken.append(now)
        return Reaction(201, self.latency)

    def possible(self, now: float) -> float:
        return 0.0 if self.down[0] <= now < self.down[1] else self.limit(now)


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` tokens a second, `depth` at the most; what banks of gateways do."""

    rate: float
    depth: float
    latency: float = 0.02
    _tokens: float = 0.0
    _at: float = 0.0

    def react(self, now: float, in_flight: int) -> Reaction:  # noqa: ARG002 - it does not count them
        self._tokens = min(self.depth, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1.0:
            return Reaction(429, self.latency / 2)
        self._tokens -= 1.0
        return Reaction(201, self.latency)

    def possible(self, now: float) -> float:  # noqa: ARG002 - it is the same at all times
        return self.rate


@dataclass(slots=True)
class Crowded:
    """Bears so many requests at once, each of which takes `latency`, and refuses the rest."""

    most: int
    latency: float

    def react(self, now: float, in_flight: int) -> Reaction:  # noqa: ARG002 - it goes by the crowd alone
        return Reaction(201, self.latency) if in_flight <= self.most else Reaction(429, 0.005)

    def possible(self, now: float) -> float:  # noqa: ARG002 - it is the same at all times
        return self.most / self.latency


@dataclass(slots=True)
class Slowing:
    """Refuses nothing; beyond `rate` its answers take longer and longer, for they wait in a queue."""

    rate: float
    latency: float = 0.02
    _free_at: float = 0.0

    def react(self, now: float, in_flight: int) -> Reaction:  # noqa: ARG002 - its queue is its own
        self._free_at = max(self._free_at, now) + 1 / self.rate
        return Reaction(201, self._free_at - now + self.latency)

    def possible(self, now: float) -> float:  # noqa: ARG002 - it is the same at all times
        return self.rate


def steady(limit: float) -> Limit:
    """The same at all times."""
    return lambda _: limit


def stepped(*steps: tuple[float, float]) -> Limit:
    """From each time on, that limit; the first at 0."""
    return lambda now: [limit for begin, limit in steps if begin <= now][-1]
