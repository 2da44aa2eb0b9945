"""Intents and records as rows: what each may change, and what is done where two of them contradict.

An id that is on record is never lost to a later record: only `undone` gives it up. A spec that has an id is
never sent. No two specs have one id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bulkseg.checkpoint.connection import Cursor, Values
from bulkseg.errors import CheckpointError
from bulkseg.model import Intent, Record, State

Item = Intent | Record
Work = Sequence[Item]

# `items` is a set of rows with a group in it, {0}, {1} ... the parts of one item, as the database has them.
INTEND = """
UPDATE spec SET state = 'sending', attempts = {1}, intent_at = {2}, intent_run = {3}
FROM {items}
WHERE spec.id = {0} AND state IN ('pending', 'sending')
"""
# The two conditions after the id hold for every record that contradicts nothing. Where one does not hold, no
# row changes, and `write_with_care` finds out why.
RECORD = """
UPDATE spec SET state = {1}, attempts = {2}, done_at = {3}, segment_id = coalesce({4}, segment_id),
    http_status = {5}, error = {6}, warning = {7}, reconciled = {8}, temporary = {9}, request_id = {10},
    created_by = coalesce({11}, created_by), created_at = coalesce({12}, created_at), run = {13},
    server_name = coalesce({14}, server_name), content = coalesce({15}, content)
FROM {items}
WHERE spec.id = {0}
    AND (segment_id IS NULL OR {4} IS NULL OR segment_id = {4} OR state = 'undone')
    AND (state NOT IN ('created', 'adopted', 'undone') OR {1} IN ('created', 'adopted', 'undone'))
"""
_HOLDER = """
SELECT key FROM spec
WHERE segment_id = ? AND state NOT IN ('undone', 'skipped', 'failed') AND id <> ?
"""
# The segment of an undone one is no more: another id takes its place.
_FIRST_ID = "SELECT segment_id FROM spec WHERE id = ? AND state <> 'undone'"
_OWN = frozenset({State.CREATED, State.ADOPTED})
_NOT_FINAL = frozenset({State.PENDING, State.SENDING})


class Contradiction(Exception):
    """Something in this work contradicts what is on record; nothing of it has been looked at one by one."""


class Journal(Protocol):
    """A connection that also takes work."""

    def execute(self, query: str, values: Values = (), /) -> Cursor:
        """Ask what is on record."""

    def write(self, work: Work, run: int | None) -> None:
        """Write all of it, or nothing and raise Contradiction."""


def values_of(work: Work, run: int | None) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The intents and the records of some work, as the parts that INTEND and RECORD number.

    Raises Contradiction where a spec comes twice, so that the order counts.
    """
    if len({item.id for item in work}) < len(work):
        raise Contradiction
    intents = [_values(item, run) for item in work if isinstance(item, Intent)]
    return intents, [_values(item, run) for item in work if isinstance(item, Record)]


def write_with_care(journal: Journal, work: Work, run: int | None) -> None:
    """Write work item by item, and settle what contradicts.

    Raises CheckpointError for what must not be: a request for a spec that is made, or a record that would
    drop an id.
    """
    for item in work:
        settled = item if isinstance(item, Intent) else _settle(journal, item)
        try:
            journal.write([settled], run)
        except Contradiction as error:
            raise CheckpointError(_what_must_not_be(journal, settled)) from error


def _values(item: Item, run: int | None) -> tuple[object, ...]:
    if isinstance(item, Intent):
        return (item.id, item.attempts, item.at, run)
    return _record_values(item, run)


def _record_values(record: Record, run: int | None) -> tuple[object, ...]:
    final = record.state not in _NOT_FINAL
    return (
        record.id,
        record.state,
        record.attempts,
        record.at if final else None,
        record.segment_id,
        record.http_status,
        record.error,
        record.warning,
        record.reconciled,
        record.temporary,
        record.request_id,
        record.created_by,
        record.created_at,
        run if final else None,
        record.server_name,
        record.content,
    )


def _settle(journal: Journal, record: Record) -> Record:
    """The record as it can be written beside what is on record."""
    if record.segment_id is None:
        return record
    holder = journal.execute(_HOLDER, (record.segment_id, record.id)).fetchone()
    if holder and record.state in _OWN:
        return replace(
            record, state=State.UNKNOWN, segment_id=None, error=_held(record.segment_id, holder[0])
        )
    first = journal.execute(_FIRST_ID, (record.id,)).fetchone()
    if first and first[0] not in (None, record.segment_id):
        return replace(record, segment_id=first[0], warning=_twice(record, first[0]))
    return record


def _held(segment_id: str, key: str) -> str:
    return (
        f"the answer gave the id {segment_id}, which {key} has already; look on the server what was made, "
        "and settle it with `bulkseg resolve`"
    )


def _twice(record: Record, first: str) -> str:
    told = f"made twice: the server has the segments {first} and {record.segment_id}; delete one of them"
    return f"{record.warning}; {told}" if record.warning else told


def _what_must_not_be(journal: Journal, item: Item) -> str:
    row = journal.execute("SELECT key, state, segment_id FROM spec WHERE id = ?", (item.id,)).fetchone()
    if row is None:
        return f"the checkpoint has no spec number {item.id}; another program has changed it"
    wanted = State.SENDING if isinstance(item, Intent) else item.state
    return f"{row[0]} is {row[1]} with the id {row[2]} and cannot become {wanted}; nothing was changed"
