"""How groups of intents and records are written to PostgreSQL: each group by one call, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import psycopg

from bulkseg.checkpoint.connection import Cursor, Values
from bulkseg.checkpoint.postgres.registry import OURS, Grant
from bulkseg.checkpoint.postgres.session import Raw, Session
from bulkseg.checkpoint.writes import INTEND, RECORD, Contradiction, Work, values_of, write_with_care
from bulkseg.errors import CheckpointError, CheckpointLost
from bulkseg.location import Database
from bulkseg.model import Record

_TYPES = ("bigint", "text", "int", "float8", "text", "int", "text", "text", "boolean", "boolean", "text",
          "text", "text", "int", "text", "text")  # fmt: skip
_INTENT_TYPES = ("bigint", "int", "float8", "int")
_CONTRADICTION, _LOST = "BS001", "BS002"
# The whole group goes as JSON, and is written by a function in the server: one way there and back for many
# specs, whatever is in it. The function lives as long as its connection.
_PREPARE = """
CREATE FUNCTION pg_temp.work_off(intents json, records json, fenced boolean) RETURNS void
LANGUAGE plpgsql AS $work$
DECLARE changed bigint;
BEGIN
    IF fenced THEN
        PERFORM FROM ({ours}) AS lease;
        IF NOT FOUND THEN RAISE EXCEPTION SQLSTATE '{lost}'; END IF;
    END IF;
    {intend};
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> json_array_length(intents) THEN RAISE EXCEPTION SQLSTATE '{contradiction}'; END IF;
    {record};
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> json_array_length(records) THEN RAISE EXCEPTION SQLSTATE '{contradiction}'; END IF;
END $work$
"""
_WRITE = "SELECT pg_temp.work_off(%s, %s, %s)"


class Preparation:
    """Makes each new connection of a holder's session ready for a journal."""

    def __init__(self, grant: Grant) -> None:
        parts = [f"(item.value->>{number})::{kind}" for number, kind in enumerate(_TYPES)]
        first = [f"(item.value->>{number})::{kind}" for number, kind in enumerate(_INTENT_TYPES)]
        function = _PREPARE.format(
            ours=OURS.format(grant.entry.id, grant.epoch),
            lost=_LOST,
            contradiction=_CONTRADICTION,
            intend=INTEND.format(*first, items="json_array_elements(intents) AS item(value)"),
            record=RECORD.format(*parts, items="json_array_elements(records) AS item(value)"),
        )
        self._function = function.encode()

    def __call__(self, raw: Raw) -> None:
        """Make the function."""
        raw.execute(self._function)


class DatabaseJournal:
    """Over a session that is its own from here on. See `writer.Journal` for what each method promises.

    A group that a broken connection took along is written again when the server is back: nothing else writes
    these rows while the lease holds, so the same group changes nothing a second time.
    """

    def __init__(self, session: Session, grant: Grant) -> None:
        self._session = session
        self._ours = OURS.format(grant.entry.id, grant.epoch)

    def write(self, work: Work, run: int | None) -> None:
        """All of it at once. Raises Contradiction also where somebody else holds the checkpoint by now."""
        _call(self._session, work, run, fenced=True)

    def write_apart(self, group: Sequence[Work], run: int | None) -> list[Exception | None]:
        """One after the other, in one transaction."""
        return self._session.transact(lambda: self._apart(group, run))

    def explain(self, error: Exception) -> Exception:
        """The session has told it already."""
        return error

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _apart(self, group: Sequence[Work], run: int | None) -> list[Exception | None]:
        ours = self._session.execute(self._ours).fetchone() is not None
        return [self._one(work, run) if ours else self._late(work, run) for work in group]

    def _late(self, work: Work, run: int | None) -> Exception | None:
        """Somebody else holds the checkpoint: an id is taken all the same, and nothing else."""
        ids = [item for item in work if isinstance(item, Record) and item.segment_id is not None]
        error = self._one(ids, run)
        return error or (lost(self._session.database) if len(ids) < len(work) else None)

    def _one(self, work: Work, run: int | None) -> Exception | None:
        try:
            with self._session.savepoint():
                write_with_care(_Careful(self._session), work, run)
        except CheckpointError as error:
            return error
        return None


class _Careful:
    """Inside of a transaction that has made sure whose the checkpoint is; it outlives a contradiction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def execute(self, query: str, values: Values = (), /) -> Cursor:
        """Ask."""
        return self._session.execute(query, values)

    def write(self, work: Work, run: int | None) -> None:
        """All of it, or nothing and raise Contradiction."""
        with self._session.savepoint():
            _call(self._session, work, run, fenced=False)


def lost(database: Database) -> CheckpointLost:
    """What is told to a holder that is none any more."""
    return CheckpointLost(
        f"{database} has been taken over by another process, because this one was not heard of for too long; "
        "the job goes on there"
    )


def _call(session: Session, work: Work, run: int | None, *, fenced: bool) -> None:
    values = (*(_json(items) for items in values_of(work, run)), fenced)
    try:
        session.do(lambda raw: raw.execute(_WRITE, values))
    except psycopg.DatabaseError as error:
        if isinstance(error, psycopg.errors.UniqueViolation) or error.sqlstate in (_CONTRADICTION, _LOST):
            raise Contradiction from error
        raise


def _json(items: list[tuple[object, ...]]) -> str:
    """PostgreSQL's texts cannot hold a NUL; a server's words may, and are not worth an id."""
    text = orjson.dumps(items).decode()
    if "\\u0000" in text:
        clean = [tuple(_without_nul(part) for part in item) for item in items]
        text = orjson.dumps(clean).decode()
    return text


def _without_nul(part: object) -> object:
    return part.replace("\0", "\ufffd") if isinstance(part, str) else part
