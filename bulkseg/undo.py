"""Deletes what a checkpoint created, and nothing else: each segment is read first, and judged.

A deletion may be made again: one that was not recorded finds the segment gone the next time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from bulkseg.answers import segment_of, whole_of
from bulkseg.clock import Clock
from bulkseg.content import digest
from bulkseg.crew import each
from bulkseg.faults import read_errors
from bulkseg.model import Answer, Record, Reply
from bulkseg.stop import Stop

# Eloqua's `updatedAt` can be seconds later than `createdAt` without anybody's edit. Seconds.
SLACK = 300

Ask = Callable[[Callable[[], Awaitable[Reply]]], Awaitable[Answer]]


class Api(Protocol):
    """The two requests of an undo; see the API client."""

    async def get(self, segment_id: str) -> Reply:
        """One segment, whole."""

    async def delete(self, segment_id: str) -> Reply:
        """Deletes one segment."""


class Ledger(Protocol):
    """The durable side of a checkpoint."""

    async def record(self, records: Sequence[Record]) -> None:
        """On disk when it returns: this is what became of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A segment that the checkpoint created. `name` is as the server gave it, `content` a digest of it.

    `record` is what the checkpoint is to hold of it once it is deleted, but for the time.
    """

    segment_id: str
    key: str
    name: str
    created_by: str | None
    content: str | None
    reconciled: bool
    record: Record


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a target, and why; `why` is empty where it was simply deleted."""

    target: Target
    why: str = ""


@dataclass(slots=True)
class Report:
    """The three groups, as far as the undo has come with its `total`."""

    total: int = 0
    undone: list[Fate] = field(default_factory=list)
    kept: list[Fate] = field(default_factory=list)
    failed: list[Fate] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many have been looked at."""
        return len(self.undone) + len(self.kept) + len(self.failed)


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be deleted.

    `us` is the user who made what has no creator on record, None if not known; `force` takes also what was
    changed since; `reconciled` says whether those whose answer was lost and that were found are meant too.
    """

    us: str | None
    force: bool = False
    reconciled: bool = False


def why_kept(target: Target, found: Mapping[str, Any], rules: Rules) -> str | None:
    """Why a segment is not deleted, or None if it is.

    Name and creator have to be those on record, whatever `force` says: else it may not be the one that the
    checkpoint created. A change since then, by whom it may be, is what `force` overrules.
    """
    name, creator = found.get("name", ""), target.created_by or rules.us
    if name != target.name:
        return f'its name is "{name}" and not "{target.name}": it may be another\'s now'
    if creator is None:
        return "who made it is not on record, and our own user's id is not known: it may be another's"
    maker = found.get("createdBy", "(not told)")
    if str(maker) != creator:
        return f"user {maker} made it and not user {creator}: it is another's"
    return None if rules.force else _why_changed(target, found, creator)


def _why_changed(target: Target, found: Mapping[str, Any], creator: str) -> str | None:
    changer, now = str(found.get("updatedBy", creator)), digest(found)
    if changer != creator:
        return f"changed since by user {changer} (--force deletes it all the same)"
    comparable = None not in (target.content, now)
    if target.content != now if comparable else _touched(found):
        return "changed since it was made (--force deletes it all the same)"
    return None


def _touched(found: Mapping[str, Any]) -> bool:
    """Whether it was changed well after it was made; asked only where its first content is not known."""
    made, changed = whole_of(found.get("createdAt")), whole_of(found.get("updatedAt"))
    return made is not None and changed is not None and changed > made + SLACK


class Undo:
    """Deletes targets, a few at a time, and keeps the report.

    `ask` makes a request until there is an answer to it. Whatever is deleted is on record before it counts.
    """

    def __init__(
        self, *, api: Api, ask: Ask, ledger: Ledger, rules: Rules, report: Report, clock: Clock, stop: Stop
    ) -> None:
        self._api = api
        self._ask = ask
        self._ledger = ledger
        self._rules = rules
        self._report = report
        self._clock = clock
        self._stop = stop

    async def run(self, targets: Iterable[Target], *, hands: int) -> None:
        """Sees every target to its group; after a stop, only those that are under way."""
        await each(targets, self._undo, hands=hands, stop=self._stop)

    async def _undo(self, target: Target) -> None:
        if target.reconciled and not self._rules.reconciled:
            self._report.kept.append(Fate(target, "its answer was lost and it was found; not confirmed"))
            return
        answer = await self._ask(partial(self._api.get, target.segment_id))
        if answer.status == HTTPStatus.NOT_FOUND:
            await self._undone(target, "was gone already")
            return
        found = segment_of(answer.body) if answer.status == HTTPStatus.OK else None
        if found is None:
            why = f"could not be read: {read_errors(answer.status, answer.body)}"
            self._report.failed.append(Fate(target, why))
            return
        why_not = why_kept(target, found, self._rules)
        if why_not is None:
            await self._delete(target)
        else:
            self._report.kept.append(Fate(target, why_not))

    async def _delete(self, target: Target) -> None:
        answer = await self._ask(partial(self._api.delete, target.segment_id))
        # 404: a try whose answer was lost has deleted it.
        if answer.status < HTTPStatus.MULTIPLE_CHOICES or answer.status == HTTPStatus.NOT_FOUND:
            await self._undone(target)
        else:
            self._report.failed.append(Fate(target, read_errors(answer.status, answer.body)))

    async def _undone(self, target: Target, why: str = "") -> None:
        await self._ledger.record([replace(target.record, at=self._clock.now())])
        self._report.undone.append(Fate(target, why))
