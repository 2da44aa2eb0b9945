"""Compares what the server holds with what the checkpoint says, during a case and at its end."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from bulkseg.checkpoint import exists, read
from bulkseg.checkpoint.rows import SpecRow
from bulkseg.location import Location
from bulkseg.model import State
from bulkseg.sandbox.settings import USER_ID
from bulkseg.sandbox.store import Store
from tests.crash.case import Case, Place, key_of

# A segment that the server holds must have its spec in one of these: anything else would be sent again.
MAY_BE_MADE = frozenset({State.CREATED, State.SENDING, State.UNKNOWN})


# So many of those that are not as they should be are named; all are counted.
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Sides:
    """The ids that the server has for each key, and the row that the checkpoint has for it."""

    server: dict[str, list[str]]
    checkpoint: dict[str, SpecRow]

    @property
    def twice(self) -> list[str]:
        """Keys that the server has made more than once."""
        return [key for key, ids in self.server.items() if len(ids) > 1]

    @property
    def lost(self) -> list[str]:
        """Ids of our segments that no spec has."""
        known = {row.segment_id for row in self.checkpoint.values() if row.state is State.CREATED}
        return [one for ids in self.server.values() for one in ids if one not in known]

    @property
    def wrong(self) -> list[str]:
        """Keys whose spec has an id that is not its own."""
        created = ((key, row) for key, row in self.checkpoint.items() if row.state is State.CREATED)
        return [key for key, row in created if row.segment_id not in self.server.get(key, [])]

    def states(self, state: State) -> int:
        """How many specs are in that state."""
        return sum(row.state is state for row in self.checkpoint.values())


def look(place: Place) -> Sides:
    """Both sides as they are. The checkpoint is read first: what is under way may still be made meanwhile."""
    checkpoint = _checkpoint(place.checkpoint)
    with closing(Store(place.settings.db, time.time)) as store:
        ours = [one for one in store.segments() if one.id > place.stood_id and one.created_by == USER_ID]
    server: dict[str, list[str]] = {}
    for asset in ours:
        server.setdefault(asset.description, []).append(str(asset.id))
    return Sides(server, checkpoint)


def _checkpoint(place: Location) -> dict[str, SpecRow]:
    """What is on record of each key."""
    if not exists(place):
        return {}
    if isinstance(place, Path):
        return _from_a_copy(place)
    with read(place) as reader:
        return {orjson.loads(row.key)[1]: row for row in reader.specs()}


def _from_a_copy(path: Path) -> dict[str, SpecRow]:
    """A reader may mend what a killed process left in a file, and that is for the next run to do."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        for name in (path.name, f"{path.name}-wal"):
            if path.with_name(name).exists():
                shutil.copy(path.with_name(name), copy.with_name(name))
        if not copy.stat().st_size:
            return {}
        with read(copy) as reader:
            return {orjson.loads(row.key)[1]: row for row in reader.specs()}


def always(sides: Sides) -> Iterator[str]:
    """What must not be so at any time, whoever has just been killed."""
    forgotten = {key: sides.checkpoint.get(key) for key in sides.server}
    yield from _told("made twice", sides.twice)
    yield from _told("with an id that is not their own", sides.wrong)
    yield from _told(
        "made, and will be sent again",
        [
            f"{key}, {_state(row)}"
            for key, row in forgotten.items()
            if not row or row.state not in MAY_BE_MADE
        ],
    )


def at_the_end(case: Case, sides: Sides) -> Iterator[str]:
    """What is to be so in the end: each made once, with its id on record, but for those that stood there."""
    yield from always(sides)
    asked = [key_of(number) for number in range(case.stood, case.specs)]
    yield from _told(
        "segments that nothing asked for", [key for key in sides.server if key not in set(asked)]
    )
    if not case.may_be_unknown:
        yield from _told("ids that no spec has", sides.lost)
    good = {State.CREATED, State.UNKNOWN} if case.may_be_unknown else {State.CREATED}
    yield from _told("not created", list(_others(sides, asked, good)))
    stood = [key_of(number) for number in range(case.stood)]
    yield from _told("not skipped", list(_others(sides, stood, {State.SKIPPED})))


def _others(sides: Sides, keys: Iterable[str], good: Collection[State]) -> Iterator[str]:
    for key in keys:
        row = sides.checkpoint.get(key)
        if row is None or row.state not in good:
            yield f"{key}, {_state(row)}"


def _state(row: SpecRow | None) -> str:
    if row is None:
        return "not in the checkpoint"
    return f"{row.state}: {row.error}" if row.error else str(row.state)


def _told(what: str, which: Sequence[str]) -> Iterator[str]:
    if which:
        yield f"{len(which)} {what}: {'; '.join(which[:SHOWN])}"
