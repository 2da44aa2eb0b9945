"""Holds the specs in doubt until it is found out what became of them; other specs go on meanwhile.

A new doubt is looked for by its name at once; what that does not show is judged by complete lists, one list
for all that are held. Every request takes its turn in the site's rate.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from bulkseg.clock import Clock
from bulkseg.evidence import Evidence
from bulkseg.exists import Policy, exists
from bulkseg.intake import INTENT_HOLDS
from bulkseg.listing import Api, Ask, ListingFailed, Sighting, list_all, read_one, search
from bulkseg.model import InDoubt, NameTaken, Record, State, Task
from bulkseg.outcome import Hold, Retry, created, failed, gave_up, made, unknown
from bulkseg.reconcile import (
    Absent,
    Ambiguous,
    Found,
    Judgement,
    Known,
    Listing,
    LookAgain,
    Lost,
    found,
    judge_listing,
    ours,
    owned,
)

# More new doubts than these at once are not looked for one by one, but in one list.
SEARCHES = 5
# Seconds to the next look, doubled up to the longest.
FIRST_LOOK, LONGEST_LOOK, MOST_DOUBLINGS = 1.0, 30.0, 5


Settle = Callable[[Record | Retry, Task], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """The job's limits and wishes that reconciling goes by; times in seconds."""

    settle: float
    timeout: float
    give_up_after: float
    max_attempts: int
    if_exists: Policy


@dataclass(slots=True)
class _Held:
    """One spec in doubt. Times are monotonic; `resend` and `given_up` as `Reconciler.take` has them."""

    task: Task
    lost: Lost
    cause: InDoubt | NameTaken
    settled_at: float
    look_at: float
    resend: bool
    given_up: bool
    looks: int = 0
    searched: bool = False


class Reconciler:
    """One run's specs in doubt. `settle` is told what became of each, in the end.

    `expecting` says whether there will be answers to other requests, which tell how far lists lag.
    """

    def __init__(
        self,
        *,
        api: Api,
        ask: Ask,
        evidence: Evidence,
        settle: Settle,
        rules: Rules,
        expecting: Callable[[], bool],
        run: int,
        clock: Clock,
    ) -> None:
        self._api = api
        self._ask = ask
        self._evidence = evidence
        self._settle = settle
        self._rules = rules
        self._expecting = expecting
        self._run = run
        self._clock = clock
        self._held: dict[int, _Held] = {}
        self._wake = asyncio.Event()
        self._resent: list[_Held] = []

    def hold(self, step: Hold) -> None:
        """Takes a spec whose answer was lost just now, or whose name was said to be taken."""
        task, spec, now = step.task, step.task.spec, self._clock.now()
        lost = Lost(task.id, spec.name, spec.folded, spec.action, self._run, task.intended_at, lost_at=now)
        first = next((one.lost for one in self._resent if one.task.id == task.id), None)
        # What shows now may as well have been made by the first request of this run for it.
        self.take(task, lost if first is None else replace(lost, earliest=first.since), step.outcome)

    def take(
        self,
        task: Task,
        lost: Lost,
        cause: InDoubt | NameTaken,
        *,
        resend: bool = True,
        given_up: bool = False,
    ) -> None:
        """Takes a spec in doubt.

        `resend` says whether it may be sent again if it was not made. One that was `given_up` in an earlier
        run is looked for once, and stays unknown if that does not show it: it is never sent again unasked.
        """
        now = self._clock.monotonic()
        passed = self._evidence.passed(lost.run, lost.intended_at)
        settled_at = now + max(0.0, self._rules.settle + INTENT_HOLDS - passed)
        cut_off = self._evidence.cut_off_until() if lost.run != self._run else None
        if cut_off is not None:
            # Sent at the last moment, by a process that had stood still, and answered as late as may be.
            settled_at = max(settled_at, cut_off + self._rules.timeout + self._rules.settle)
        if lost.earliest is None:
            lost = replace(lost, earliest=self._evidence.earliest(lost.run, lost.intended_at))
        self._held[task.id] = _Held(task, lost, cause, settled_at, now, resend, given_up)
        self._wake.set()

    async def work(self) -> None:
        """Looks until it is cancelled, whenever a look is due.

        Raises Stopped where a stop was asked for, or the checkpoint cannot be asked.
        """
        while True:
            due = [held for held in self._held.values() if held.look_at <= self._clock.monotonic()]
            if due:
                await self._look(due)
            else:
                await self._idle()

    async def twins(self) -> list[tuple[Task, tuple[str, ...]]]:
        """Lists once more what is new, for every spec that this run has sent again.

        Gives those of which a second segment shows: by the rules there is none, but a server may make one
        after all. Raises ListingFailed, Stopped.
        """
        if not self._resent:
            return []
        since = self._evidence.window([held.lost for held in self._resent])
        segments = await list_all(self._api, self._ask, since=since, keep=self._evidence.unclaimed)
        ids = [one.id for one in segments]
        found_twice = []
        for held in self._resent:
            candidates = ours(held.lost, segments, self._evidence.known(held.lost.run, ids))
            twins = tuple(one.id for one in candidates if one.folded == held.lost.folded)
            if twins:
                found_twice.append((held.task, twins))
        return found_twice

    async def _idle(self) -> None:
        self._wake.clear()
        next_look = min((held.look_at for held in self._held.values()), default=None)
        wait = None if next_look is None else next_look - self._clock.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait)

    async def _look(self, due: Sequence[_Held]) -> None:
        for held in due:
            if isinstance(held.cause, NameTaken):
                self._conclude(held, await self._who_has_it(held, held.cause))
        lost = [held for held in due if isinstance(held.cause, InDoubt)]
        if len(lost) <= SEARCHES and not any(held.searched for held in lost):
            for held in lost:
                self._conclude(held, await self._by_name(held))
        elif lost:
            await self._by_list()

    async def _by_name(self, held: _Held) -> Judgement:
        """What a search for the very name shows. It can find, but nothing is concluded from its silence."""
        held.searched = True
        segments = await search(self._api, self._ask, held.lost.name)
        known = self._evidence.known(held.lost.run, [one.id for one in segments])
        match = found(held.lost, ours(held.lost, segments, known))
        if match is None or known.us is None:
            return LookAgain("a search for its name does not show it")
        return match

    async def _by_list(self) -> None:
        """One complete list of what is new, for all that are held."""
        lost = [held for held in self._held.values() if isinstance(held.cause, InDoubt)]
        listed_at = self._clock.monotonic()
        # Before the list is taken: it has to show what was made by then, not what is made meanwhile.
        witnesses = {held.task.id: self._evidence.witnesses(held.lost) for held in lost}
        alone = not self._expecting()
        followed = {held.task.id: alone or self._evidence.followed(held.lost) for held in lost}
        since = await asyncio.to_thread(self._evidence.window, [held.lost for held in lost])
        keep = partial(self._evidence.unclaimed, witnesses=set(chain.from_iterable(witnesses.values())))
        try:
            segments = await list_all(self._api, self._ask, since=since, keep=keep)
        except ListingFailed as error:
            for held in lost:
                self._conclude(held, LookAgain(str(error)))
            return
        known = await asyncio.to_thread(self._known_by_run, lost, segments)
        lost = await self._unanswered(lost)
        self._evidence.learn_lag({one.id for one in segments}, chain.from_iterable(witnesses.values()))
        longer = max(0.0, self._evidence.lag - self._rules.settle)
        for held in lost:
            listing = Listing(
                segments,
                settled=listed_at >= held.settled_at + longer,
                witnesses=witnesses[held.task.id],
                followed=followed[held.task.id],
                names_kept=self._evidence.names_kept(held.lost.action),
            )
            facts = self._evidence.but_given(known[held.lost.run])
            self._conclude(held, judge_listing(held.lost, listing, facts))

    async def _unanswered(self, lost: list[_Held]) -> list[_Held]:
        """Those of which nothing is on record by now.

        A former holder that was cut off may record its answer late. Then the list's segment is claimed, by
        this very spec, and would not count as its own. So this is asked after what is claimed.
        """
        earlier = [held.task.id for held in lost if held.lost.run != self._run]
        if self._evidence.cut_off_until() is None or not earlier:
            return lost
        for record in await asyncio.to_thread(self._evidence.answered, earlier):
            self._conclude(self._held[record.id], record)
        return [held for held in lost if held.task.id in self._held]

    def _known_by_run(self, lost: Sequence[_Held], segments: Sequence[Sighting]) -> dict[int, Known]:
        ids = [one.id for one in segments]
        return {run: self._evidence.known(run, ids) for run in {held.lost.run for held in lost}}

    async def _who_has_it(self, held: _Held, taken: NameTaken) -> Judgement | Record:
        """The name is taken: by our own earlier request, or by somebody else's segment."""
        first = held.task.attempts <= 1
        if first and self._rules.if_exists not in ("adopt", "skip"):
            return self._exists(held, taken, [taken.conflicting_id] if taken.conflicting_id else [])
        segments = await self._holders(held.lost, taken)
        known = self._evidence.known(held.lost.run, [one.id for one in segments])
        candidates = ours(held.lost, segments, known)
        match = None if first else found(held.lost, candidates, known.users)
        if match is not None:
            return owned(match, known, settled=self._clock.monotonic() >= held.settled_at)
        if not segments:
            return LookAgain("the server says that its name is taken, and does not show by which segment")
        if candidates and not found(held.lost, segments):
            # A new one of ours, of a name that the server takes for the same: made for this spec, or for
            # another one that is in doubt.
            return Ambiguous(tuple(one.id for one in candidates))
        if all(one.folded != held.lost.folded for one in segments):
            return _of_another_name(held, taken, segments[0], self._clock.now())
        return self._exists(held, taken, [one.id for one in segments])

    async def _holders(self, lost: Lost, taken: NameTaken) -> Sequence[Sighting]:
        if taken.conflicting_id is not None:
            one = await read_one(self._api, self._ask, taken.conflicting_id)
            return [] if one is None else [one]
        segments = await search(self._api, self._ask, lost.name)
        return [one for one in segments if one.folded == lost.folded]

    def _exists(self, held: _Held, taken: NameTaken, ids: Sequence[str]) -> Record:
        ours = self._evidence.ours(ids)
        return exists(held.task, self._rules.if_exists, ids, self._clock.now(), ours=ours, taken=taken)

    def _conclude(self, held: _Held, judgement: Judgement | Record) -> None:
        step = judgement if isinstance(judgement, Record) else self._step(held, judgement)
        if step is None:
            return
        del self._held[held.task.id]
        if isinstance(step, Retry):
            self._resent.append(held)
        elif step.segment_id is not None and step.state is not State.SKIPPED:
            self._evidence.give(step.segment_id)
        self._settle(step, held.task)

    def _step(self, held: _Held, judgement: Judgement) -> Record | Retry | None:
        """What follows from a judgement; None to look again."""
        now = self._clock.now()
        match judgement:
            case Found():
                return _found(held, judgement, now)
            case Ambiguous():
                return unknown(held.task, _told(held, _several(judgement)), now, held.cause)
            case Absent():
                return self._absent(held, now)
            case LookAgain():
                return self._look_again(held, judgement, now)

    def _absent(self, held: _Held, now: float) -> Record | Retry:
        if held.given_up:
            return unknown(held.task, held.cause.error, now, held.cause)
        if held.resend and held.task.attempts < self._rules.max_attempts:
            return Retry(held.task, 0.0)
        tried = f"tried {held.task.attempts} times" if held.resend else "its row has changed; run again"
        return gave_up(held.task, f"{held.cause.error}; it was not made; {tried}", now, held.cause)

    def _look_again(self, held: _Held, judgement: LookAgain, now: float) -> Record | None:
        at = self._clock.monotonic()
        if held.given_up:
            return unknown(held.task, held.cause.error, now, held.cause)
        if at >= held.settled_at + self._rules.give_up_after:
            return unknown(held.task, _told(held, judgement.why), now, held.cause)
        held.look_at = at + min(LONGEST_LOOK, FIRST_LOOK * 2.0**held.looks)
        held.looks = min(held.looks + 1, MOST_DOUBLINGS)
        if at < held.settled_at <= held.look_at:
            # From then on a look can tell more than before, so the looks begin anew.
            held.look_at, held.looks = held.settled_at, 0
        return None


def _found(held: _Held, match: Found, now: float) -> Record:
    outcome = made(held.task.spec, match.segment.shown(), None, held.cause.request_id)
    record = created(held.task, outcome, now, reconciled=True)
    warnings = dict.fromkeys(one for one in (match.warning, record.warning) if one)
    return replace(record, warning="; ".join(warnings) or None)


def _told(held: _Held, why: str) -> str:
    """The cause and what is said of it now; one that an earlier run gave up on may say so already."""
    error = held.cause.error
    return error if error.endswith(why) else f"{error}; {why}"


def _of_another_name(held: _Held, taken: NameTaken, holder: Sighting, now: float) -> Record:
    """The server compares names in a way of its own, or asks for another (its source's, for a copy).

    Nobody has said that this segment is what was wanted, so that it is neither adopted nor a reason to skip.
    """
    error = f'{taken.error}; the segment that has it is {holder.id}, "{holder.name}"'
    return failed(held.task, replace(taken, error=error), now)


def _several(judgement: Ambiguous) -> str:
    several = "several segments" if len(judgement.ids) > 1 else "this segment, of another name,"
    return f"{several} could be it: {', '.join(judgement.ids)}"
