"""The checkpoints of a database: which there are, who holds each, and until when by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bulkseg.checkpoint.files import refuse_other_job
from bulkseg.checkpoint.postgres.process import described, is_dead, this_process
from bulkseg.checkpoint.postgres.session import Session
from bulkseg.checkpoint.schema import SCHEMA, TABLES, VERSION, Migrations, missing_steps, refuse_newer
from bulkseg.errors import CheckpointBusy, CheckpointError
from bulkseg.location import Database

_THERE = "SELECT to_regclass('bulkseg.checkpoint') IS NOT NULL"
# So that of two processes only one makes what is missing. The number is ours alone ("bseg").
_ALONE = "SELECT pg_advisory_xact_lock(1651729767, hashtext(?))"
_TABLES = (
    "CREATE SCHEMA IF NOT EXISTS bulkseg",
    """
    CREATE TABLE bulkseg.checkpoint (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL,
        version INTEGER NOT NULL,
        epoch BIGINT NOT NULL DEFAULT 0,        -- goes up whenever somebody takes it
        holder TEXT,                            -- in words
        process TEXT,
        lease DOUBLE PRECISION,                 -- the holder's, in seconds
        expires_at TIMESTAMPTZ,                 -- NULL: nobody holds it
        cut_off_until TIMESTAMPTZ,              -- until then a former holder may believe that it holds it
        -- So that to renew a lease, which changes no column of a unique index, never waits for a writer that
        -- has made sure of the epoch, and to take the checkpoint does.
        UNIQUE (id, epoch)
    )
    """,
)
_FIND = """
SELECT id, job, version, epoch, holder, process, extract(epoch FROM expires_at - clock_timestamp())
FROM bulkseg.checkpoint WHERE name = ?
"""
_MAKE = "INSERT INTO bulkseg.checkpoint (name, job, version) VALUES (?, ?, ?) RETURNING id"
_TAKE = """
UPDATE bulkseg.checkpoint SET epoch = epoch + 1, holder = ?, process = ?, lease = ?,
    cut_off_until = CASE WHEN ? THEN clock_timestamp() + lease * interval '1 second' ELSE cut_off_until END,
    expires_at = clock_timestamp() + ? * interval '1 second'
WHERE id = ? RETURNING epoch, extract(epoch FROM cut_off_until - clock_timestamp())
"""
# A holder that stands still in the middle of a transaction would keep its locks for as long as it stands.
_SEVER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name = ?
"""
# In case that cannot be done, for they are another user's. In seconds.
_LOCKED = 20
_ASIDE = ".old"
_RENEW = """
UPDATE bulkseg.checkpoint SET expires_at = clock_timestamp() + lease * interval '1 second'
WHERE id = ? AND epoch = ?
"""
_RELEASE = "UPDATE bulkseg.checkpoint SET expires_at = NULL, holder = NULL WHERE id = ? AND epoch = ?"
OURS = "SELECT FROM bulkseg.checkpoint WHERE id = {} AND epoch = {} FOR KEY SHARE"


@dataclass(frozen=True, slots=True)
class Entry:
    """One checkpoint. `left` are the seconds of its lease, None where nobody holds it."""

    id: int
    job: str
    version: int
    epoch: int
    holder: str | None
    process: str | None
    left: float | None

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return f"bulkseg_{self.id}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a holder was given. `cut_off` are the seconds that a former holder may still believe in its own.

    It is negative when that is over, None where none was ever cut off.
    """

    entry: Entry
    epoch: int
    cut_off: float | None
    migrated_from: int | None


def label(entry: Entry, epoch: int) -> str:
    """What the connections of a holder are called."""
    return f"bulkseg {entry.id} {epoch}"


def is_there(session: Session) -> bool:
    """Whether this database has ever had a checkpoint."""
    return bool(session.execute(_THERE).fetchone()[0])


def find(session: Session, name: str, lock: str = "") -> Entry | None:
    """The checkpoint of that name."""
    row = session.execute(_FIND + lock, (name,)).fetchone()
    if row is None:
        return None
    number, job, version, epoch, holder, process, left = row
    left = None if left is None else float(left)
    return Entry(number, job, version, epoch, holder, process, left)


def names(session: Session) -> list[str]:
    """Of all checkpoints but those that were put aside."""
    every = [name for (name,) in session.execute("SELECT name FROM bulkseg.checkpoint ORDER BY name")]
    return [name for name in every if not name.endswith(_ASIDE)]


def take(session: Session, job: str, now: float, lease: float, migrations: Migrations) -> Grant:
    """Take the checkpoint, made or brought forward if need be; all of it in one transaction.

    Raises CheckpointBusy, CheckpointError; then nothing has changed.
    """
    database = session.database
    name = str(database.name)

    def work() -> Grant:
        session.execute(f"SET LOCAL lock_timeout = '{_LOCKED}s'")
        session.execute(_ALONE, ("",))
        if not is_there(session):
            for statement in _TABLES:
                session.execute(statement)
        seen = find(session, name) or _make(session, name, job, now)
        refuse_other_job(seen.job, job, database)
        _refuse_held(seen, database)
        session.execute(_SEVER, (label(seen, seen.epoch),))
        entry = find(session, name, "FOR UPDATE") or seen
        _refuse_held(entry, database)  # it may have been renewed just now
        session.execute(f"SET LOCAL search_path = {entry.schema}")
        migrated_from = _bring_forward(session, entry, database, migrations)
        cut_off = entry.left is not None and not is_dead(entry.process)
        values = (described(now), this_process(), lease, cut_off, lease, entry.id)
        epoch, left = session.execute(_TAKE, values).fetchone()
        return Grant(entry, epoch, None if left is None else float(left), migrated_from)

    return session.transact(work)


def renew(session: Session, grant: Grant) -> bool:
    """Whether it is still ours; then it is for the whole lease from now."""
    return session.execute(_RENEW, (grant.entry.id, grant.epoch)).rowcount == 1


def release(session: Session, grant: Grant) -> None:
    """Give it back, if it is still ours."""
    session.execute(_RELEASE, (grant.entry.id, grant.epoch))


def rename(session: Session, job: str, now: float) -> str | None:
    """Put it aside under another name, which is given; None where there is none."""
    database = session.database
    name = str(database.name)

    def work() -> str | None:
        entry = find(session, name, "FOR UPDATE") if is_there(session) else None
        if entry is None:
            return None
        refuse_other_job(entry.job, job, database)
        _refuse_held(entry, database)
        aside = f"{name}.{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S.%fZ}{_ASIDE}"
        if find(session, aside) is not None:
            raise CheckpointError(f"{aside} is there already in that database")
        session.execute("UPDATE bulkseg.checkpoint SET name = ? WHERE id = ?", (aside, entry.id))
        return aside

    return session.transact(work)


def _make(session: Session, name: str, job: str, now: float) -> Entry:
    number: int = session.execute(_MAKE, (name, job, VERSION)).fetchone()[0]
    entry = Entry(number, job, VERSION, 0, None, None, None)
    session.execute(f"CREATE SCHEMA {entry.schema}")
    session.execute(f"SET LOCAL search_path = {entry.schema}")
    for statement in SCHEMA:
        session.execute(statement)
    session.execute("INSERT INTO meta (one, job, created_at, rows, specs) VALUES (1, ?, ?, 0, 0)", (job, now))
    return entry


def _refuse_held(entry: Entry, database: Database) -> None:
    if entry.left is not None and entry.left > 0 and not is_dead(entry.process):
        raise CheckpointBusy(
            f"{database} is held by another process ({entry.holder}); wait for it to end, or stop it; if "
            f"it is no more, its lease ends in {entry.left:.0f} s; `bulkseg status` can read meanwhile"
        )


def _bring_forward(session: Session, entry: Entry, database: Database, migrations: Migrations) -> int | None:
    refuse_newer(entry.version, database)
    for step in missing_steps(entry.version, database, migrations):
        for statement in migrations[step]:
            session.execute(statement)
    for table in TABLES:
        session.execute(f"SELECT FROM {table} LIMIT 1")
    if entry.version == VERSION:
        return None
    session.execute("UPDATE bulkseg.checkpoint SET version = ? WHERE id = ?", (VERSION, entry.id))
    return entry.version
