"""What is known about the segments in a list: by the checkpoint, and by what this run has found and seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.intake import INTENT_HOLDS
from bulkseg.listing import Sighting
from bulkseg.model import Record
from bulkseg.reconcile import CLOCK_SLACK, Known, Lost


class Facts(Protocol):
    """What the checkpoint knows of segments and of the site."""

    def stood(self, run: int, ids: Collection[str]) -> Collection[str] | None:
        """Which of `ids` were there before that run; None where no list was taken then."""

    def claimed(self, ids: Collection[str]) -> Collection[str]:
        """Which of `ids` a spec has."""

    def us(self, run: int) -> str | None:
        """Our user's id in that run, where its sign-in or an answer to its requests has told it."""

    def users(self) -> Collection[str]:
        """The ids of all users that runs of this job have had, as far as they are known."""

    def before(self, run: int, intended_at: float) -> tuple[str, float | None] | None:
        """The last segment that was answered for before that time: its id and the server's time of it."""

    def after(self, run: int, intended_at: float) -> str | None:
        """A segment that was answered for, whose request was sent after that time."""

    def intended(self, segment_id: str) -> tuple[int, float] | None:
        """When the request that made that segment was about to leave: its run, and the time by its clock."""

    def began(self, run: int) -> tuple[float, float, str | None]:
        """When that run began: Unix time, the same moment by `monotonic`, and the `boot` of that."""

    def cut_off_until(self) -> float | None:
        """The monotonic time until which somebody else may have sent what is in doubt; None for nobody."""

    def answered(self, numbers: Collection[int]) -> Collection[Record]:
        """What is on record of those of these specs that have an id."""

    def lag(self) -> float:
        """How far lists were seen to lag behind, in seconds, by this run or an earlier one."""

    def keep_lag(self, lag: float) -> None:
        """Keeps a lag that was seen, for later runs."""

    def names_kept(self, action: str) -> bool:
        """Whether this site has given such specs the names that were asked for, and never another."""


class Evidence:
    """One run's."""

    def __init__(self, facts: Facts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock
        self._given: set[str] = set()
        self._missed: set[str] = set()
        self.lag = facts.lag()

    def give(self, segment_id: str) -> None:
        """That segment has been found for a spec, and is no other's, also before this is on disk."""
        self._given.add(segment_id)

    def ours(self, ids: Collection[str]) -> bool:
        """Whether any of these belongs to a spec of the checkpoint."""
        return bool(self._claimed(ids))

    def known(self, run: int, ids: Collection[str]) -> Known:
        """What is known about `ids`, for a spec whose intent is of that run."""
        # By that run's own user: this one may have another's credentials.
        us = self._facts.us(run)
        users = self._facts.users() if us is None else ()
        stood = self._facts.stood(run, ids)
        # Looked into once for each that is on a list: of a long one, that is often.
        return Known(None if stood is None else frozenset(stood), self._claimed(ids), us, users)

    def unclaimed(self, page: Sequence[Sighting], witnesses: Collection[str] = ()) -> Iterator[Sighting]:
        """Which of a page matter where something is in doubt: what no spec has yet, and the witnesses."""
        claimed = self._claimed([one.id for one in page])
        telling = {*witnesses, *self._missed}
        return (one for one in page if one.id in telling or one.id not in claimed)

    def _claimed(self, ids: Collection[str]) -> set[str]:
        return {*self._facts.claimed(ids), *self._given.intersection(ids)}

    def passed(self, run: int, intended_at: float) -> float:
        """The seconds since that intent; 0 where they cannot be told.

        By the machine's own count, which goes on whoever sets the clock. After a restart of the machine, or
        on another one, nothing tells but the clock; rather than trusting that, all waiting begins anew.
        """
        at, count, boot = self._facts.began(run)
        if boot is None or boot != self._clock.boot():
            return 0.0
        return max(0.0, self._clock.monotonic() - count - (intended_at - at))

    def cut_off_until(self) -> float | None:
        """The monotonic time until which a former holder may have sent what its run left in doubt, if any."""
        return self._facts.cut_off_until()

    def answered(self, numbers: Collection[int]) -> Collection[Record]:
        """Of these specs in doubt, what has been recorded of those that have an id by now."""
        return self._facts.answered(numbers)

    def earliest(self, run: int, intended_at: float) -> float | None:
        """The server's time before which a request of that intent has made nothing; None if nothing tells.

        By the server's clock alone, for ours may be far off: what was answered for before the intent was made
        before it. Some minutes are left for whole seconds and for times that differ.
        """
        before = self._facts.before(run, intended_at)
        return None if before is None or before[1] is None else before[1] - CLOCK_SLACK

    def but_given(self, known: Known) -> Known:
        """The same, with what has been found for others since."""
        return replace(known, claimed={*known.claimed, *self._given})

    def names_kept(self, action: str) -> bool:
        """Whether the site has been seen to give such specs the names asked for, and never another."""
        return self._facts.names_kept(action)

    def witnesses(self, lost: Lost) -> list[str]:
        """What a list has to show if it is up to date: made just before the intent, and sent after it.

        After it is whatever was intended when the answer had been lost; a request leaves `INTENT_HOLDS` after
        its intent at the latest, which shows the same of one that nobody waited for any more.
        """
        before = self._facts.before(lost.run, lost.intended_at)
        # What was sent soon after proves little, but if lists lag, it is missing from the ones that mislead.
        later = [lost.intended_at, lost.intended_at + INTENT_HOLDS, lost.lost_at]
        after = [self._facts.after(lost.run, at) for at in later if at is not None]
        return [one for one in (before and before[0], *after) if one]

    def followed(self, lost: Lost) -> bool:
        """Whether one of the witnesses was sent when the request of `lost` had been served, or lost."""
        later = [lost.intended_at + INTENT_HOLDS, lost.lost_at]
        return any(self._facts.after(lost.run, at) for at in later if at is not None)

    def window(self, lost: Sequence[Lost]) -> int | None:
        """From when on to list, by the server's clock; None for all of it."""
        earliest = self.earliest(*min((one.run, one.intended_at) for one in lost))
        return None if earliest is None else int(earliest)

    def learn_lag(self, shown: Collection[str], witnesses: Iterable[str]) -> None:
        """Learns how far lists lag behind, from witnesses that were missing once and are there now.

        A list that shows a witness at last may still lack what was made just after it; and what is sent again
        may have no witness at all. So a `lag` that was seen stands in for a shorter settle time from then on.
        """
        for one in set(witnesses):
            if one not in shown:
                self._missed.add(one)
            elif one in self._missed:
                self._missed.remove(one)
                intent = self._facts.intended(one)
                self.lag = max(self.lag, 0.0 if intent is None else self.passed(*intent))
                self._facts.keep_lag(self.lag)
