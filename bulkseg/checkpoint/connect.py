"""Connections to SQLite files, and its errors in our words."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bulkseg.errors import BulksegError, CheckpointError, StorageFull
from bulkseg.location import Location

# How long SQLite waits for another connection's lock, in seconds: readers hold theirs for moments.
_PATIENCE = 30.0

# The families of errors that a disk gives which is full, failing, taken away, or not ours to write.
_STORAGE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_BUSY,
    }
)
_UNCHANGING = "mode=ro&immutable=1"


def connect(path: Path, options: str = "mode=rw") -> sqlite3.Connection:
    """A connection without implicit transactions, for one thread at a time; `options` are SQLite's URI's."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{options}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )


def connect_durably(path: Path) -> sqlite3.Connection:
    """A connection whose commits survive a loss of power."""
    connection = connect(path)
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":  # there an fsync stops at the drive's own cache
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
    return connection


def reading_options(path: Path) -> str:
    """How to open the checkpoint at `path` for reading, as options of an URI.

    Beside a writer, SQLite's readers write too (into NAME-shm), and one that finds a killed process's
    journal has to roll it back. Where nothing can be written, a file that was left in WAL mode without a
    WAL is whole as it lies, and can only be read as one that nobody changes.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return "mode=rw"
    wal = path.with_name(path.name + "-wal")
    return "mode=ro" if wal.exists() or readable_as_it_is(path) else _UNCHANGING


def readable_as_it_is(path: Path) -> bool:
    """Whether SQLite can read this file without writing: not where a journal is left to be rolled back."""
    with closing(connect(path, "mode=ro")) as connection:
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            return False
    return True


def refuse_foreign(path: Path, application_id: int) -> None:
    """Raise CheckpointError for a file whose header says that it is no checkpoint.

    Opened as an unchanging file, so that SQLite neither replays nor leaves anything beside another program's
    database. Never by `open`: closing that would let go of every lock that this process has on the file
    (https://sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        with closing(connect(path, _UNCHANGING)) as connection:
            found: int = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        # A process that was killed while it wrote its WAL back leaves a file that is whole with its WAL only.
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise CheckpointError(f"{path} is not a bulkseg checkpoint ({error}); {_UNTOUCHED}") from error
        return
    if found != application_id:
        cut_off = path.stat().st_size < _SMALLEST_PAGE
        what = "damaged: it is cut off" if cut_off else "another program's database"
        raise CheckpointError(f"{path} is {what}; {_UNTOUCHED}")


def refuse_cut_off(path: Path) -> None:
    """Raise CheckpointError for a file that ends within a page: SQLite would take the rest of it for zeros.

    Not where a WAL or a journal lies beside it, which may hold what is missing.
    """
    sides = (path.with_name(path.name + side) for side in ("-wal", "-journal"))
    if any(side.exists() for side in sides):
        return
    with reading(path), closing(connect(path, _UNCHANGING)) as connection:
        page: int = connection.execute("PRAGMA page_size").fetchone()[0]
    if path.stat().st_size % page:
        raise CheckpointError(f"{path} is damaged: it is cut off; {_WAYS_OUT}")


_SMALLEST_PAGE = 512
_UNTOUCHED = "it was not touched; move it away, bring back a copy of it, or name another with --checkpoint"
_WAYS_OUT = (
    "bring back a copy of it, name another file with --checkpoint, or start anew with --fresh, "
    "which puts it aside but forgets what it had created"
)


@contextmanager
def reading(path: Location) -> Iterator[None]:
    """Turn SQLite's errors while reading into CheckpointError."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        if _is_storage(error):
            raise CheckpointError(f"{path} cannot be read ({error}); see to its folder and disk") from error
        raise _damaged(error, path) from error


@contextmanager
def writing(path: Location) -> Iterator[None]:
    """Turn SQLite's errors while writing into what `explain` makes of them."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = explain(error, path)
        raise told from (None if told is error else error)


def explain(error: sqlite3.DatabaseError, path: Location) -> BulksegError | sqlite3.ProgrammingError:
    """A failed write in our words: StorageFull where the disk is to blame, else CheckpointError.

    A ProgrammingError is a mistake of ours, not the file's: it stays what it is.
    """
    if isinstance(error, sqlite3.ProgrammingError):
        return error
    if _is_storage(error):
        return StorageFull(
            f"{path} could not be written ({error}); what was recorded before is safe; see to the disk, then "
            "run the same command again"
        )
    return _damaged(error, path)


def _is_storage(error: sqlite3.DatabaseError) -> bool:
    """A short read is a file that was cut off, not a disk that failed. The low byte is a code's family."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _STORAGE and code != sqlite3.SQLITE_IOERR_SHORT_READ


def _damaged(error: sqlite3.DatabaseError, path: Location) -> CheckpointError:
    return CheckpointError(f"{path} is damaged, or is not a bulkseg checkpoint ({error}); {_WAYS_OUT}")
