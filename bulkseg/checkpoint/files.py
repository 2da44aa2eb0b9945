"""The checkpoint as a file: taken, made, checked, brought forward, written back, put aside.

Whatever cannot be used is refused and stays as it is. Nothing here deletes or overwrites a file that may hold
ids.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bulkseg.checkpoint.connect import (
    connect,
    connect_durably,
    readable_as_it_is,
    reading,
    refuse_cut_off,
    refuse_foreign,
    writing,
)
from bulkseg.checkpoint.filesystem import refuse_network
from bulkseg.checkpoint.lock import Lock
from bulkseg.checkpoint.schema import (
    APPLICATION_ID,
    TABLES,
    VERSION,
    Migrations,
    create_tables,
    migrate,
    version_of,
)
from bulkseg.errors import CheckpointError
from bulkseg.location import Location

_SIDES = ("-wal", "-shm", "-journal")


def take(path: Path) -> Lock:
    """The lock on the checkpoint at `path` (resolved), there or not."""
    refuse_network(path)
    return Lock(path)


def settle(path: Path, job: str, now: float, migrations: Migrations) -> int | None:
    """Make sure, under the lock, that `path` is the checkpoint of `job`, in this version.

    Gives the version that it was brought forward from, None where it was made or left as it is.
    """
    if not path.exists():
        _create(path, job, now)
        return None
    _refuse_unfit(path)
    refuse_foreign(path, APPLICATION_ID)
    refuse_cut_off(path)
    with reading(path), _looking(path) as connection:
        version = version_of(connection, path)
        _refuse_other_job(connection, path, job)
    if version < VERSION:
        with writing(path), closing(connect_durably(path)) as connection:
            migrate(connection, path, migrations)
    with reading(path), _looking(path) as connection:
        for table in TABLES:
            connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
    return version if version < VERSION else None


def put_aside(path: Path, *, job: str, now: float) -> Path | None:
    """Rename the checkpoint of `job`, damaged or not, to NAME.<UTC time>.old. Gives that path, None for none.

    Raises CheckpointBusy where a process holds it, CheckpointError where it is another job's or program's.
    """
    path = path.resolve()
    lock = take(path)
    try:
        if not path.exists():
            return None
        refuse_foreign(path, APPLICATION_ID)
        with suppress(sqlite3.DatabaseError), _looking(path) as connection:
            _refuse_other_job(connection, path, job)
        with suppress(sqlite3.DatabaseError), closing(connect_durably(path)) as connection:
            write_back(connection)
        return _rename(path, datetime.fromtimestamp(now, UTC))
    finally:
        lock.release()


def write_back(connection: sqlite3.Connection) -> None:
    """Put all that is in the WAL into the file and end WAL mode, so that the one file is all there is.

    Where a reader, or a full disk, is in the way, the WAL stays beside the file, as safe as it was.
    """
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA busy_timeout = 1000")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def sync_folder(path: Path) -> None:
    """Make what was created, renamed or deleted beside `path` survive a loss of power."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(path: Path, job: str, now: float) -> None:
    """Made whole under another name first: so an empty file at `path` is always one that lost its content."""
    for side in _SIDES:
        left = path.with_name(path.name + side)
        if left.exists() and left.stat().st_size:
            raise CheckpointError(
                f"{path} is gone, but {left.name} is there, which holds the last that was recorded; "
                f"bring the checkpoint back, or move {left.name} away to start anew"
            )
    new = path.with_name(path.name + ".new")
    with writing(path):
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(connect_durably(new)) as connection:
            create_tables(connection, job, now)
        new.rename(path)
        sync_folder(path)


def _refuse_unfit(path: Path) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file; name another one with --checkpoint")
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            raise CheckpointError(
                f"{place} is read-only, and the checkpoint has to be written; mend its rights, or name "
                "another file with --checkpoint"
            )


@contextmanager
def _looking(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing; or one that can, to roll a dead process's journal back."""
    with closing(connect(path, "mode=ro" if readable_as_it_is(path) else "mode=rw")) as connection:
        yield connection


def refuse_other_job(holder: str, job: str, place: Location) -> None:
    """Raise CheckpointError where the checkpoint at `place` is of another job (`holder`) than `job`."""
    if holder != job:
        raise CheckpointError(
            f"{place} is the checkpoint of the job {holder}, not of {job}; it was not touched; name another "
            "file with --checkpoint, or in the job file"
        )


def _refuse_other_job(connection: sqlite3.Connection, path: Path, job: str) -> None:
    row = connection.execute("SELECT job FROM meta").fetchone()
    if row is not None:
        refuse_other_job(row[0], job, path)


def _rename(path: Path, now: datetime) -> Path:
    """The file itself first: a WAL that lacks its file is noticed, a file that lacks its WAL is not."""
    aside = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S.%fZ}.old")
    if aside.exists():
        raise CheckpointError(f"{aside} is there already; move it away")
    for side in ("", *_SIDES):
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(aside.with_name(aside.name + side))
    sync_folder(path)
    return aside
