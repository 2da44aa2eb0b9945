"""A checkpoint in one SQLite file: opened, held, read, closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from bulkseg.checkpoint.connect import (
    connect,
    connect_durably,
    reading,
    reading_options,
    refuse_cut_off,
    refuse_foreign,
    writing,
)
from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.files import settle, sync_folder, take, write_back
from bulkseg.checkpoint.held import Checkpoint
from bulkseg.checkpoint.journal import FileJournal
from bulkseg.checkpoint.lock import Lock
from bulkseg.checkpoint.reader import Reader
from bulkseg.checkpoint.schema import APPLICATION_ID, MIGRATIONS, Migrations, refuse_older, version_of
from bulkseg.checkpoint.writer import Writer
from bulkseg.errors import CheckpointError

T = TypeVar("T")


class FileCheckpoint(Checkpoint):
    """Held by an operating system's lock, which a dead process lets go of by itself."""

    def __init__(self, path: Path, lock: Lock, migrated_from: int | None) -> None:
        self._lock = lock
        self._own = connect_durably(path)
        self._own.execute("PRAGMA journal_mode = WAL")
        writer = Writer(FileJournal(connect_durably(path), path), path)
        super().__init__(path, self._own, connect(path), writer, migrated_from)
        self._path = path

    @classmethod
    def open(cls, path: Path, *, job: str, now: float, migrations: Migrations = MIGRATIONS) -> Self:
        """As `stores.open_checkpoint`."""
        path = path.resolve()
        lock = take(path)
        try:
            migrated_from = settle(path, job, now, migrations)
            with writing(path):
                return cls(path, lock, migrated_from)
        except BaseException:
            lock.release()
            raise

    def may_send(self) -> bool:
        """Always: nobody else gets the lock while this process lives."""
        return True

    def _take_in(self, draft: Draft, work: Callable[[], None]) -> None:
        with writing(self._path):
            self._own.execute("ATTACH ? AS draft", (f"{draft.path.resolve().as_uri()}?mode=ro",))
            try:
                self._transact(work)
            finally:
                self._own.execute("DETACH draft")
            # So that the WAL of a large merge is not what the run's first commits have to write back.
            self._own.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _let_go(self) -> None:
        """Put everything into the one file, and let go of it."""
        self._queries.close()
        write_back(self._own)
        self._own.close()
        sync_folder(self._path)
        self._lock.release()

    def _transact(self, work: Callable[[], T]) -> T:
        with writing(self._path):
            self._own.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                self._own.execute("COMMIT")
            except BaseException:
                if self._own.in_transaction:
                    self._own.execute("ROLLBACK")
                raise
        return result


def read_file(path: Path) -> Reader:
    """As `stores.read`."""
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no checkpoint here; `bulkseg run` makes one")
    refuse_foreign(path, APPLICATION_ID)
    refuse_cut_off(path)
    with reading(path):
        connection = connect(path, reading_options(path))
        connection.execute("PRAGMA query_only = ON")
        refuse_older(version_of(connection, path), path)
        return Reader(connection, path)
