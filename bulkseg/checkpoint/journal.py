"""How groups of intents and records are written to a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import orjson

from bulkseg.checkpoint.connect import explain
from bulkseg.checkpoint.connection import Cursor, Values
from bulkseg.checkpoint.writes import INTEND, RECORD, Contradiction, Work, values_of, write_with_care
from bulkseg.errors import CheckpointError
from bulkseg.location import Location

_ITEM = "json_extract(item.value, '$[{}]')"
# A whole group is one statement of SQLite, which takes it as JSON: Python's lock is let go of once, and taken
# back once. A statement for each row, or only for each step of a transaction, would wait for that lock as
# often, behind whoever is busy sending; it was measured at three quarters of the throughput.
_PREPARE = f"""
CREATE TEMP VIEW work AS SELECT NULL AS intents, NULL AS records;
CREATE TEMP TRIGGER work_off INSTEAD OF INSERT ON work BEGIN
    {INTEND.format(*map(_ITEM.format, range(4)), items="json_each(NEW.intents) AS item")};
    SELECT RAISE(ABORT, 'contradiction') WHERE changes() <> json_array_length(NEW.intents);
    {RECORD.format(*map(_ITEM.format, range(16)), items="json_each(NEW.records) AS item")};
    SELECT RAISE(ABORT, 'contradiction') WHERE changes() <> json_array_length(NEW.records);
END
"""
_WRITE = "INSERT INTO temp.work VALUES (?, ?)"


class FileJournal:
    """Over a connection that is its own from here on. See `writer.Journal` for what each method promises."""

    def __init__(self, connection: sqlite3.Connection, place: Location) -> None:
        self.connection = connection
        self._place = place
        connection.executescript(_PREPARE)

    def execute(self, query: str, values: Values = (), /) -> Cursor:
        """Ask."""
        return self.connection.execute(query, values)

    def write(self, work: Work, run: int | None) -> None:
        """All of it at once, in a transaction of its own unless one is open."""
        intents, records = values_of(work, run)
        try:
            self.connection.execute(_WRITE, (orjson.dumps(intents).decode(), orjson.dumps(records).decode()))
        except sqlite3.IntegrityError as error:
            raise Contradiction from error

    def write_apart(self, group: Sequence[Work], run: int | None) -> list[Exception | None]:
        """One after the other, in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            errors = [self._write_one(work, run) for work in group]
            self.connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors, a full disk among them.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        return errors

    def explain(self, error: Exception) -> Exception:
        """In our words."""
        return explain(error, self._place) if isinstance(error, sqlite3.DatabaseError) else error

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def _write_one(self, work: Work, run: int | None) -> Exception | None:
        self.connection.execute("SAVEPOINT one")
        try:
            write_with_care(self, work, run)
        except CheckpointError as error:
            self.connection.execute("ROLLBACK TO one")
            return error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("RELEASE one")
        return None
