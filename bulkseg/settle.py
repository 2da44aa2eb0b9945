"""Settles a spec in doubt with what a person has found out. Asks no server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import orjson

from bulkseg.answers import id_of
from bulkseg.checkpoint import SpecRow, open_checkpoint, read
from bulkseg.clock import Clock
from bulkseg.errors import ConfigError
from bulkseg.location import Location
from bulkseg.model import Record, State

BY_HAND = "its id was given by hand (bulkseg resolve)"
_IN_DOUBT = frozenset({State.UNKNOWN, State.SENDING})
# The states in which an id is the spec's own.
_HAS_ID = frozenset({State.CREATED, State.ADOPTED})


@dataclass(frozen=True, slots=True)
class Settled:
    """A spec, and the state that it is in now. `segment_id` is None where it was not made."""

    key: str
    name: str
    state: State
    segment_id: str | None


async def resolve(
    place: Location,
    wanted: str,
    segment_id: str | None,
    *,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> Settled:
    """Puts on record that the spec `wanted` (its key, or its name) was made with that id, or was not made.

    Without an id it is pending again, with its attempts to come. A spec that stands in `sending` is in doubt
    as well: nobody is sending while we hold the checkpoint.

    Raises:
        CheckpointError: there is no such checkpoint, or a process holds it.
        ConfigError: there is no such spec, it is not in doubt, or the id cannot be; nothing was changed.
    """
    with (
        read(place) as reader,
        open_checkpoint(place, job=reader.meta.job, now=clock.now()) as checkpoint,
    ):
        row = choose(reader.specs(), wanted)
        if segment_id is not None:
            _refuse_id(segment_id, reader.specs(_HAS_ID))
        record = record_of(row, segment_id, clock.now())
        await checkpoint.record([record])
    return Settled(row.key, row.name, record.state, segment_id)


def choose(rows: Iterable[SpecRow], wanted: str) -> SpecRow:
    """The spec in doubt that has this key, or else this name. Raises ConfigError."""
    key = _key(wanted)
    named: list[SpecRow] = []
    in_doubt: list[SpecRow] = []
    for row in rows:
        if row.key == key:
            return _in_doubt(row)
        if row.state in _IN_DOUBT:
            in_doubt.append(row)
        if row.name == wanted:
            named.append(row)
    # A name may stand under an old key as well.
    meant = [row for row in named if row.state in _IN_DOUBT] or named
    if not meant:
        raise ConfigError(f"there is no spec {wanted}{_nearest(wanted, in_doubt)}")
    if len(meant) > 1:
        keys = " and ".join(row.key for row in meant)
        raise ConfigError(f'"{wanted}" is the name of more than one spec; give the key: {keys}')
    return _in_doubt(meant[0])


def record_of(row: SpecRow, segment_id: str | None, now: float) -> Record:
    """What is to be on record of a spec that was made with that id, or was not made."""
    if segment_id is None:
        return Record(row.number, State.PENDING, attempts=0, at=now)
    return Record(
        row.number,
        State.CREATED,
        row.attempts,
        now,
        segment_id=segment_id,
        warning=BY_HAND,
        reconciled=True,
        request_id=row.request_id,
    )


def _key(wanted: str) -> str:
    """A key as it is kept, however the JSON is spaced; any other text as it is."""
    try:
        parsed: Any = orjson.loads(wanted)
    except orjson.JSONDecodeError:
        return wanted
    return orjson.dumps(parsed).decode() if isinstance(parsed, list) else wanted


def _in_doubt(row: SpecRow) -> SpecRow:
    if row.state not in _IN_DOUBT:
        known = f" with the id {row.segment_id}" if row.segment_id else ""
        raise ConfigError(f"{row.key} is {row.state}{known}, and not unknown: there is nothing to settle")
    return row


def _nearest(wanted: str, in_doubt: Iterable[SpecRow]) -> str:
    keys = {text: row.key for row in in_doubt for text in (row.name, row.key)}
    match = next(iter(get_close_matches(wanted, keys, n=1, cutoff=0.4)), None)
    if match is not None:
        return f"; did you mean {keys[match]}?"
    return "; `bulkseg results --state unknown` shows those in doubt" if keys else "; nothing is in doubt"


def _refuse_id(segment_id: str, rows: Iterable[SpecRow]) -> None:
    if id_of(segment_id) is None or segment_id.strip("0") == "":
        raise ConfigError(f"--id {segment_id}: a segment's id is a whole number above 0")
    for row in rows:
        if row.segment_id == segment_id:
            raise ConfigError(
                f"--id {segment_id}: that is the segment of {row.key}, and two specs never share one"
            )
