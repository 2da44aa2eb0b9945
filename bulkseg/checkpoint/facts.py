"""What a checkpoint knows of segments and of its site, for whoever finds out about a lost answer.

Only answers to our own requests teach anything here: what was found by looking is no evidence for the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import orjson

from bulkseg.checkpoint.connect import writing
from bulkseg.checkpoint.connection import Connection
from bulkseg.checkpoint.rows import Doubt, OpenSpec, Standing
from bulkseg.location import Location
from bulkseg.model import Action, Record, Spec, State, Task

NO_BODY = b"{}"

_CLAIMED = """
SELECT segment_id FROM spec
WHERE segment_id IN (SELECT value FROM json_each(?)) AND state NOT IN ('undone', 'skipped', 'failed')
"""
_STOOD = "SELECT segment_id FROM stood WHERE run = ? AND segment_id IN (SELECT value FROM json_each(?))"
_SPEC = """
spec.id, spec.key, spec.template, spec.action, spec.name, spec.folded, spec.source_id, spec.hash,
(SELECT label FROM source WHERE source.id = spec.source), spec.line, spec.attempts, spec.intent_at
"""
_IN_DOUBT = f"""
SELECT {_SPEC}, ordinal, present, intent_run, state = 'unknown', error
FROM spec WHERE state IN ('sending', 'unknown') ORDER BY intent_at
"""
# The first open spec of each template of which nothing has been made yet.
_UNTRIED = """
SELECT ordinal, id, key, (SELECT label FROM source WHERE source.id = spec.source), line, attempts
FROM spec
WHERE state = 'pending' AND present AND ordinal IN (
    SELECT min(ordinal) FROM spec
    WHERE state = 'pending' AND present
        AND template NOT IN (SELECT template FROM spec WHERE state = 'created' AND warning IS NULL)
    GROUP BY template
)
ORDER BY ordinal
"""
# Both go by what is still open, be it ten of a million: SQLite is not left to choose.
_STANDING = f"""
SELECT {_SPEC}, json_group_array(DISTINCT stood.segment_id), NULL, NULL
FROM spec INDEXED BY spec_open
CROSS JOIN stood ON stood.run = ? AND stood.folded = spec.folded
WHERE spec.state = 'pending' AND spec.present GROUP BY spec.id
"""
_RESERVED = f"""
SELECT {_SPEC}, json_array(holder.segment_id), holder.key, holder.state IN ('sending', 'unknown')
FROM spec INDEXED BY spec_open
CROSS JOIN spec AS holder ON holder.folded = spec.folded AND holder.id <> spec.id
    AND holder.state IN ('sending', 'unknown', 'created', 'adopted')
WHERE spec.state = 'pending' AND spec.present
"""
_ANSWERED = "FROM spec WHERE state = 'created' AND NOT reconciled"
# The order of the runs holds even where the clock was set back between them.
_BEFORE = f"""
SELECT segment_id, created_at {_ANSWERED} AND intent_at <= ? AND intent_run <= ?
ORDER BY intent_at DESC LIMIT 1
"""
_AFTER = f"SELECT segment_id {_ANSWERED} AND intent_at > ? AND intent_run >= ? ORDER BY intent_at LIMIT 1"
# Its beginning keeps what the index has to be searched for small.
_US = f"""
SELECT created_by {_ANSWERED} AND intent_at >= (SELECT started_at FROM run WHERE number = ?)
AND intent_run = ? AND created_by IS NOT NULL ORDER BY intent_at LIMIT 1
"""
_SAME_LOGIN = """
SELECT other.number FROM run JOIN run AS other ON other.login = run.login AND other.number <> run.number
WHERE run.number = ? AND run.login <> '' ORDER BY other.number DESC
"""
_RECORDED = """
SELECT id, state, attempts, done_at, segment_id, http_status, error, warning, reconciled, temporary,
    request_id, created_by, created_at, server_name, content
FROM spec WHERE state IN ('created', 'adopted') AND segment_id IS NOT NULL
    AND id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))
"""
_NAMED = f"SELECT EXISTS (SELECT 1 {_ANSWERED} AND action = ? AND server_name IS {{}} NULL)"


class Facts:
    """Questions to an open checkpoint, from any thread. Times are Unix time in seconds."""

    def __init__(self, connection: Connection, place: Location) -> None:
        self._connection = connection
        self._place = place
        self._cut_off_until: float | None = None

    def stood(self, run: int, ids: Collection[str]) -> Collection[str] | None:
        """Which of `ids` the server held before that run; None where no list was taken then."""
        if not self._first("SELECT stood FROM run WHERE number = ?", (run,)):
            return None
        return self._ids(_STOOD, (run, _json(ids)))

    def in_doubt(self) -> list[Doubt]:
        """Every spec that may have been made, nobody knows; the oldest intent first.

        Between runs: those of a run that died, few, for they are what a run has in flight at once; and those
        that were given up on.
        """
        return [
            Doubt(_task(row), ordinal, bool(present), run, bool(given_up), error)
            for *row, ordinal, present, run, given_up, error in self._all(_IN_DOUBT, ())
        ]

    def untried(self) -> list[OpenSpec]:
        """The first open spec of each template of which nothing was made yet as it was asked for."""
        return [OpenSpec(*row) for row in self._all(_UNTRIED, ())]

    def standing(self, run: int) -> Iterator[Standing]:
        """Every spec that is still to be sent though its name is taken, by the list taken before `run`."""
        told: set[int] = set()
        for query, values in ((_RESERVED, ()), (_STANDING, (run,))):
            for *row, ids, holder, in_doubt in self._all(query, values):
                if row[0] in told:
                    continue
                told.add(row[0])
                found = tuple(one for one in orjson.loads(ids) if one is not None)
                yield Standing(_task(row), found, holder, bool(in_doubt))

    def claimed(self, ids: Collection[str]) -> Collection[str]:
        """Which of `ids` a spec has."""
        return self._ids(_CLAIMED, (_json(ids),))

    def us(self, run: int) -> str | None:
        """Our user's id in a run, by its own sign-in or answers, or else by those of a run with its login."""
        return next(filter(None, map(self._user, [run, *self._same_login(run)])), None)

    def _same_login(self, run: int) -> list[int]:
        return [number for (number,) in self._all(_SAME_LOGIN, (run,))]

    def _user(self, run: int) -> str | None:
        found = self._first("SELECT user_id FROM run WHERE number = ?", (run,)) or self._first(
            _US, (run, run)
        )
        return None if found is None else str(found)

    def users(self) -> Collection[str]:
        """The ids of all users that runs have had, as far as they are known."""
        runs = self._all("SELECT number FROM run", ())
        return {user for (run,) in runs if (user := self._user(run)) is not None}

    def before(self, run: int, intended_at: float) -> tuple[str, float | None] | None:
        """The last segment answered for before that time of that run, and the server's time of its making."""
        rows = self._all(_BEFORE, (intended_at, run))
        return next(((str(found), float(at) if at else None) for found, at in rows), None)

    def after(self, run: int, intended_at: float) -> str | None:
        """The first segment that was answered for and whose intent is later than that time of that run."""
        found = self._first(_AFTER, (intended_at, run))
        return None if found is None else str(found)

    def cut_off_until(self) -> float | None:
        """The monotonic time until which a former holder may believe that it is one; None where none can."""
        return self._cut_off_until

    def cut_off(self, until: float) -> None:
        """Note that a former holder lost the checkpoint without giving it back."""
        self._cut_off_until = until

    def answered(self, numbers: Collection[int]) -> list[Record]:
        """Of these specs, those that have an id, each as the record that gave it."""
        return [_record(row) for row in self._all(_RECORDED, (_json([str(one) for one in numbers]),))]

    def lag(self) -> float:
        """How far lists were seen to lag behind, in seconds, by this run or an earlier one."""
        return float(str(self._first("SELECT lag FROM meta", ()) or 0.0))

    def keep_lag(self, lag: float) -> None:
        """Keep a lag that was seen, so that a run which is killed does not take it along."""
        self._first("UPDATE meta SET lag = max(lag, ?) RETURNING lag", (lag,))

    def intended(self, segment_id: str) -> tuple[int, float] | None:
        """The run and the time of the intent of the request that made that segment."""
        query = "SELECT intent_run, intent_at FROM spec WHERE segment_id = ?"
        return next(((int(run), float(at)) for run, at in self._all(query, (segment_id,))), None)

    def began(self, run: int) -> tuple[float, float, str | None]:
        """When that run began: by the clock, by the machine's own count, and what that counts from."""
        [(at, count, boot)] = self._all("SELECT started_at, began, boot FROM run WHERE number = ?", (run,))
        return at, count, boot

    def names_kept(self, action: str) -> bool:
        """Whether the site gave such specs the names asked for, once at least, and never another."""
        changed = self._first(_NAMED.format("NOT"), (action,))
        return not changed and bool(self._first(_NAMED.format(""), (action,)))

    def _ids(self, query: str, values: tuple[object, ...]) -> list[str]:
        return [str(row[0]) for row in self._all(query, values)]

    def _first(self, query: str, values: tuple[object, ...]) -> object:
        return next((row[0] for row in self._all(query, values)), None)

    def _all(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with writing(self._place):
            return self._connection.execute(query, values).fetchall()


def _task(row: Sequence[Any]) -> Task:
    """A spec as it is on record; its body is not."""
    number, key, template, action, name, folded, source_id, made_of, file, line, attempts, intent_at = row
    spec = Spec(key, template, Action(action), name, folded, source_id, NO_BODY, made_of, file, line)
    return Task(number, spec, attempts, intended_at=intent_at or 0.0)


def _record(row: Sequence[Any]) -> Record:
    number, state, attempts, at, *middle, reconciled, temporary, request_id, by, created, name, content = row
    segment_id, http_status, error, warning = middle
    return Record(
        id=number,
        state=State(state),
        attempts=attempts,
        at=at or 0.0,
        segment_id=segment_id,
        http_status=http_status,
        error=error,
        warning=warning,
        reconciled=bool(reconciled),
        temporary=bool(temporary),
        request_id=request_id,
        created_by=by,
        created_at=created,
        server_name=name,
        content=content,
    )


def _json(ids: Collection[str]) -> str:
    return orjson.dumps(list(ids)).decode()
