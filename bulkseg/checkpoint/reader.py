"""Reads a checkpoint, beside a run or after it, and changes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

import orjson

from bulkseg.checkpoint.compare import REOPENED
from bulkseg.checkpoint.connect import reading
from bulkseg.checkpoint.connection import Connection
from bulkseg.checkpoint.rows import Fate, Known, Meta, RunRow, SpecRow
from bulkseg.location import Location
from bulkseg.model import Action, State

# A page is read in moments: a reader that stood still in the middle of a query would keep the WAL growing.
_PAGE = 1000

_PAGE_OF_SPECS = """
SELECT spec.id, key, template, action, name, source_id, state, segment_id, http_status, error, warning,
    attempts, reconciled, label, line, request_id, intent_at, done_at, run, created_by, created_at,
    server_name, content, spec.id, hash
FROM spec JOIN source ON source.id = spec.source
WHERE spec.id > ? {states} ORDER BY spec.id LIMIT ?
"""
_AFTER_REOPENING = f"""
SELECT template, action, CASE WHEN {REOPENED} THEN 'pending' ELSE state END, count(*)
FROM spec WHERE present GROUP BY 1, 2, 3
"""
_FATES = """
SELECT key, state, segment_id, error FROM spec WHERE key IN (SELECT value FROM json_each(?))
"""
_COMMONEST_ERRORS = """
SELECT error, count(*) AS times, min(key) FROM spec
WHERE present AND state IN ('failed', 'unknown') AND error IS NOT NULL
GROUP BY error ORDER BY times DESC, error
"""
_PARTICULAR = re.compile(r'"[^"]*"|\d+')


def count_states(connection: Connection) -> dict[State, int]:
    """How many specs that are in the source now are in each state; every state is there."""
    rows = connection.execute("SELECT state, count(*) FROM spec WHERE present GROUP BY state")
    return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}


class Reader:
    """A checkpoint as it is at each call; memory stays flat. Raises CheckpointError where it is damaged."""

    def __init__(self, connection: Connection, place: Location) -> None:
        self._place = place
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    @property
    def meta(self) -> Meta:
        """What it says of itself."""
        with reading(self._place):
            query = "SELECT job, site, today, created_at, rows, specs FROM meta"
            job, site, today, *rest = self._connection.execute(query).fetchone()
        return Meta(job, site, date.fromisoformat(today) if today else None, *rest)

    def counts(self) -> dict[State, int]:
        """How many specs that are in the source now are in each state; every state is there."""
        with reading(self._place):
            return count_states(self._connection)

    def gone(self) -> int:
        """How many keys are no longer in the source."""
        with reading(self._place):
            query = "SELECT count(*) FROM spec WHERE NOT present"
            count: int = self._connection.execute(query).fetchone()[0]
        return count

    def unchanged(self, source_fingerprint: str, job_fingerprint: str) -> bool:
        """Whether source and job are those of the last merge, so that they need not be read again."""
        with reading(self._place):
            query = "SELECT source_fingerprint = ? AND job_fingerprint = ? FROM meta"
            return bool(self._connection.execute(query, (source_fingerprint, job_fingerprint)).fetchone()[0])

    def surveyed(self, *, retry_failed: bool, redo: bool) -> Known:
        """What the last merge took in, in the states in which a new run would find it."""
        rules = {"retry_failed": retry_failed, "redo": redo}
        known = Known(Counter(), Counter(), Counter())
        with reading(self._place):
            for template, action, state, count in self._connection.execute(_AFTER_REOPENING, rules):
                known.by_template[template] += count
                known.by_action[action] += count
                known.states[State(state)] += count
            known.changed = self._connection.execute("SELECT changed FROM meta").fetchone()[0]
        return known

    def runs(self) -> list[RunRow]:
        """All runs, the first one first."""
        with reading(self._place):
            query = "SELECT number, started_at, ended_at, summary FROM run ORDER BY number"
            rows = self._connection.execute(query).fetchall()
        return [
            RunRow(number, started_at, ended_at, orjson.loads(summary) if summary else None)
            for number, started_at, ended_at, summary in rows
        ]

    def commonest_errors(self, limit: int = 3) -> list[tuple[str, int, str]]:
        """Errors of specs that failed or are unknown, how often each came, and one key that it came to.

        Those that differ only in numbers or in what is quoted are one: the commonest of them stands for all.
        """
        alike: dict[str, list[Any]] = {}
        with reading(self._place):
            for error, times, key in self._connection.execute(_COMMONEST_ERRORS):
                alike.setdefault(_PARTICULAR.sub("", error), [error, 0, key])[1] += times
        commonest = sorted(alike.values(), key=lambda one: -one[1])
        return [(error, times, key) for error, times, key in commonest[:limit]]

    def fates(self, keys: Sequence[str]) -> dict[str, Fate]:
        """What became of the specs of these keys; those that are not on record are not there."""
        with reading(self._place):
            rows = self._connection.execute(_FATES, (orjson.dumps(keys).decode(),)).fetchall()
        return {key: Fate(State(state), segment_id, error) for key, state, segment_id, error in rows}

    def specs(self, states: Collection[State] = ()) -> Iterator[SpecRow]:
        """Every spec on record, or those in `states`, also those whose key has gone from the source."""
        wanted = f"AND state IN ({', '.join('?' * len(states))})" if states else ""
        query = _PAGE_OF_SPECS.format(states=wanted)
        last = 0
        while True:
            with reading(self._place):
                page = self._connection.execute(query, (last, *states, _PAGE)).fetchall()
            if not page:
                return
            yield from map(_spec_row, page)
            last = page[-1][0]


def _spec_row(row: tuple[object, ...]) -> SpecRow:
    _, key, template, action, name, source_id, state, *middle = row
    middle[5] = bool(middle[5])
    return SpecRow(key, template, Action(action), name, source_id, State(state), *middle)  # type: ignore[arg-type]  # as the schema has them
