"""When going on is pointless, and how long to wait for a server that does not answer.

Early stops: more failures than the job allows, nothing but 403 at first, no answer for too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.errors import ServerGone, Stopped, TooManyFailures

# So many first answers have to be 403, all of them, before the run is taken to have no permission at all.
FIRST_ANSWERS = 5
# The pause while no connection can be made: the first one, doubled up to the longest, in seconds.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
PATIENCE = 3
# Seconds between two words about a server that does not answer: it may be away for minutes, or every moment.
REMIND = 30.0


class FailureLimit(Protocol):
    """A job's `max_failures`: a count, or a share that counts once enough answers are in."""

    def passed(self, failed: int, ended: int, /) -> bool:
        """Whether `failed` of `ended` specs are too many."""


@dataclass(slots=True)
class Health:
    """What the answers so far say about the server and the job."""

    limit: FailureLimit
    give_up_after: float
    clock: Clock
    down_since: float | None = None
    failed: int = 0
    ended: int = 0
    forbidden: int = 0
    _streak: int = 0
    _counted_at: float = float("-inf")
    _told: bool = False
    _told_at: float = float("-inf")

    def answered(self) -> bool:
        """The server gave an answer that makes sense. True if it had been away, and that was told."""
        told, self._told = self._told, False
        self.down_since, self._streak = None, 0
        return told

    def to_tell(self) -> float | None:
        """For how many seconds it has been away, where that is worth a word now; else None."""
        now = self.clock.monotonic()
        if self.down_since is None or now - self._told_at < REMIND:
            return None
        self._told, self._told_at = True, now
        return now - self.down_since

    def silent(self, left_at: float, *, connected: bool) -> float | None:
        """No answer, or a 5xx, came to what left at `left_at` (monotonic): the seconds to pause, or None.

        Requests that left before the last silence was counted say nothing new. A server that at least takes
        connections is given `PATIENCE` silences in a row before the site pauses.
        """
        if self.down_since is None:
            self.down_since = left_at
        if left_at <= self._counted_at:
            return None
        self._counted_at = self.clock.monotonic()
        self._streak += 1
        doublings = self._streak - 1 - (PATIENCE if connected else 0)
        if doublings < 0:
            return None
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**doublings) * (0.5 + self.clock.chance() / 2)

    def count(self, *, failed: bool, forbidden: bool = False) -> None:
        """A spec has come to its end."""
        self.ended += 1
        self.failed += failed
        self.forbidden += forbidden

    def verdict(self) -> Stopped | None:
        """Why the run should stop now, or None."""
        if self.forbidden == self.ended >= FIRST_ANSWERS:
            return TooManyFailures(
                f"the first {self.ended} answers were all 403: this user may not create segments here; "
                "ask an Eloqua administrator for API access and the segment permissions, then run again"
            )
        if self.limit.passed(self.failed, self.ended):
            return TooManyFailures(
                f"{self.failed} of {self.ended} specs failed, more than max_failures = {self.limit} allows; "
                "look at `bulkseg results --state failed`, then run again"
            )
        return self._gone()

    def _gone(self) -> Stopped | None:
        if self.down_since is None or self.clock.monotonic() - self.down_since < self.give_up_after:
            return None
        return ServerGone(
            f"the server has not answered for {self.give_up_after:g} s (give_up_after); "
            "the specs that are left stay pending: run again when it is back"
        )
