"""The tables of a fleet: procrastinate's and ours, in one schema of their own; made, and brought forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager

from bulkseg.eloqua.tokentable import TABLES
from bulkseg.errors import CheckpointError, ConfigError
from bulkseg.fleet.engine import SCHEMA, SEARCH_PATH, conninfo, is_away
from bulkseg.location import Database
from bulkseg.parcel import table

Connection = psycopg.Connection[dict[str, Any]]

# What our tables are at; a newer one adds a step to _STEPS. procrastinate's are known by its last migration.
VERSION = 1
_STEPS = {
    1: (
        """
        CREATE TABLE fleet_job (
            id BIGINT PRIMARY KEY REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,
            name TEXT NOT NULL,             -- of its checkpoint too
            site TEXT NOT NULL,
            file TEXT NOT NULL,
            submitted_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            started_at TIMESTAMPTZ,         -- when a worker took it first
            ended_at TIMESTAMPTZ,
            worker TEXT,                    -- the one that has it, or had it last
            first_run INTEGER,              -- the first run of the checkpoint that this job began
            progress JSONB,                 -- how far its present run is
            note TEXT,                      -- what it waits for
            summary JSONB,                  -- what `run --json` would have printed
            exit INTEGER,
            stopped TEXT                    -- why it ended early
        )
        """,
        "CREATE INDEX ON fleet_job (name)",
        *table.TABLE,
        """
        CREATE TABLE fleet_worker (
            id BIGINT PRIMARY KEY REFERENCES procrastinate_workers (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            sites INTEGER NOT NULL,
            since TIMESTAMPTZ NOT NULL DEFAULT now()
        )
        """,
    ),
}
_VERSION_TABLE = "CREATE TABLE version (ours INTEGER NOT NULL, procrastinate TEXT NOT NULL)"
# So that only one process migrates, and two submits do not both find a job missing ("bseg", fleet).
ALONE = (1651729767, 7)


@contextmanager
def connected(database: Database, *, made: bool = True) -> Iterator[Connection]:
    """A connection among the tables of the fleet; each statement is a transaction, unless told otherwise.

    Raises CheckpointError where the database cannot be reached, and ConfigError where `made` is asked for and
    the tables are missing or of another version.
    """
    try:
        with psycopg.connect(
            conninfo(database), autocommit=True, row_factory=psycopg.rows.dict_row
        ) as connection:
            connection.execute(SEARCH_PATH)
            if made:
                _refuse_other(connection, database)
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigError(f"{database}: this user may not do that here ({_words(error)})") from error
    except psycopg.OperationalError as error:
        if is_away(error):
            raise CheckpointError(f"{database} cannot be reached: {_words(error)}") from error
        raise


def make(database: Database) -> str | None:
    """Makes what is missing, and brings forward what is older. Gives what it has done, None for nothing."""
    with connected(database, made=False) as connection:
        connection.execute("SELECT pg_advisory_lock(%s, %s)", ALONE)
        _make_shared(connection)
        before = _found(connection)
        if before is None:
            _make_all(connection)
            return "made"
        if before > (VERSION, _newest()):
            raise _newer(database)
        return "migrated" if _bring_forward(connection, *before) else None


def _make_shared(connection: Connection) -> None:
    """What is in the schema of the checkpoints; a run may be making that very schema just now."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(''))", ALONE[:1])
        for statement in TABLES:
            connection.execute(statement.encode())


def _make_all(connection: Connection) -> None:
    with connection.transaction():
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(SchemaManager.get_schema().encode())
        for step in sorted(_STEPS):
            _take(connection, step)
        connection.execute(_VERSION_TABLE)
        connection.execute("INSERT INTO version VALUES (%s, %s)", (VERSION, _newest()))


def _bring_forward(connection: Connection, ours: int, theirs: str) -> bool:
    """Step by step, each of which lasts once it is done."""
    missing = [path for path in _migrations() if path.name > theirs]
    for path in missing:
        with connection.transaction():
            connection.execute(path.read_bytes())
            connection.execute("UPDATE version SET procrastinate = %s", (path.name,))
    for step in range(ours + 1, VERSION + 1):
        with connection.transaction():
            _take(connection, step)
            connection.execute("UPDATE version SET ours = %s", (step,))
    return bool(missing) or ours < VERSION


def _take(connection: Connection, step: int) -> None:
    for statement in _STEPS[step]:
        connection.execute(statement.encode())


def _found(connection: Connection) -> tuple[int, str] | None:
    there = connection.execute("SELECT to_regclass(%s) AS there", (f"{SCHEMA}.version",)).fetchone()
    if not there or there["there"] is None:
        return None
    row = connection.execute("SELECT ours, procrastinate FROM version").fetchone()
    return (row["ours"], row["procrastinate"]) if row else None


def _refuse_other(connection: Connection, database: Database) -> None:
    found = _found(connection)
    if found is None:
        raise ConfigError(f"{database} is not made ready for a fleet yet: run `bulkseg fleet init` once")
    if found < (VERSION, _newest()):
        raise ConfigError(f"{database} is of an older version: run `bulkseg fleet init` once")
    if found > (VERSION, _newest()):
        raise _newer(database)


def _newer(database: Database) -> ConfigError:
    return ConfigError(
        f"{database} is of a newer version of bulkseg or procrastinate than this one: update it"
    )


def _migrations() -> list[Path]:
    """procrastinate's, in their order: their names begin with the version."""
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _newest() -> str:
    return _migrations()[-1].name


def _words(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split())
