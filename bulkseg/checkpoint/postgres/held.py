"""A checkpoint in PostgreSQL, held by a lease."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import TypeVar

from bulkseg.checkpoint.connect import connect
from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.held import Checkpoint
from bulkseg.checkpoint.postgres.journal import DatabaseJournal, Preparation, lost
from bulkseg.checkpoint.postgres.lease import Lease
from bulkseg.checkpoint.postgres.registry import OURS, Grant, label, release, renew
from bulkseg.checkpoint.postgres.session import Raw, Session
from bulkseg.checkpoint.terms import Terms
from bulkseg.checkpoint.writer import Writer
from bulkseg.errors import BulksegError
from bulkseg.location import Database

T = TypeVar("T")

# Questions are asked in the loop that sends: they hold it up for no longer than this, in seconds.
_ASKING = 60.0
_DRAFT = (
    "CREATE TEMP TABLE draft_source (id INTEGER, label TEXT) ON COMMIT DROP",
    """
    CREATE TEMP TABLE draft_spec (ordinal INTEGER, key TEXT, template TEXT, action TEXT, name TEXT,
        folded TEXT, source_id TEXT, hash TEXT, source INTEGER, line INTEGER, folder TEXT) ON COMMIT DROP
    """,
)
_DRAFT_INDEX = ("CREATE UNIQUE INDEX ON draft_spec (key)", "ANALYZE draft_spec")


class DatabaseCheckpoint(Checkpoint):
    """Held until `close`, or until it has not been renewed for the time of its lease."""

    def __init__(self, session: Session, grant: Grant, terms: Terms, asked_at: float) -> None:
        self._session, self._grant = session, grant
        asking = min(terms.patience, _ASKING)
        with ExitStack() as held:
            self._own, queries, self._writing = (
                held.enter_context(closing(_entered(session.database, grant, patience)))
                for patience in (asking, asking, terms.patience)
            )
            held.pop_all()
        writer = Writer(DatabaseJournal(self._writing, grant), session.database)
        super().__init__(session.database, self._own, queries, writer, grant.migrated_from)
        if grant.cut_off is not None:
            self.facts.cut_off(terms.monotonic() + grant.cut_off)
        self._lease = Lease(
            lambda: renew(session, grant), asked_at=asked_at, seconds=terms.lease, monotonic=terms.monotonic
        )
        self._lease.start()

    def may_send(self) -> bool:
        """Whether the lease still holds, by a clock that goes on while this process stands still."""
        return self._lease.holds()

    @property
    def away(self) -> str | None:
        """Why its writer waits, if it does."""
        return self._writing.away

    def _transact(self, work: Callable[[], T]) -> T:
        return self._own.transact(lambda: self._fenced(work))

    def _fenced(self, work: Callable[[], T]) -> T:
        if self._own.execute(OURS.format(self._grant.entry.id, self._grant.epoch)).fetchone() is None:
            raise lost(self._own.database)
        return work()

    def _take_in(self, draft: Draft, work: Callable[[], None]) -> None:
        def copied() -> None:
            for statement in _DRAFT:
                self._own.execute(statement)
            with closing(connect(draft.path, "mode=ro")) as source:
                for table in ("source", "spec"):
                    self._own.do(lambda raw, table=table: _copy(raw, source, table))  # type: ignore[misc]  # bound now
            for statement in _DRAFT_INDEX:
                self._own.execute(statement)
            work()

        self._transact(copied)
        # Else the first looks for one of a million would go through all of them.
        self._own.execute("ANALYZE spec")

    def _let_go(self) -> None:
        self._lease.end()
        # What cannot be given back now runs out by itself.
        with suppress(BulksegError):
            release(self._session, self._grant)
        for session in (self._session, self._own):
            session.close()
        self._queries.close()


def _entered(database: Database, grant: Grant, patience: float) -> Session:
    name = label(grant.entry, grant.epoch)
    session = Session(database, patience=patience, label=name, prepare=Preparation(grant))
    session.enter(grant.entry.schema)
    return session


def _copy(raw: Raw, source: sqlite3.Connection, table: str) -> None:
    with raw.cursor().copy(f"COPY pg_temp.draft_{table} FROM STDIN") as copy:
        for row in _rows(source, table):
            copy.write_row(row)


def _rows(source: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    yield from source.execute(f"SELECT * FROM {table}")
