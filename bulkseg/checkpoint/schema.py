"""The tables of a checkpoint, its version, and how an older one is brought forward."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from bulkseg.errors import CheckpointError
from bulkseg.location import Location

# Bytes 68 to 71 of the file: tells our files from any other program's ("bseg").
APPLICATION_ID = 0x62736567
VERSION = 1

# The states in which an id is the spec's own. Elsewhere it only tells of a segment that is somebody else's
# (skipped), or that is no more (undone).
_CLAIMS = "state NOT IN ('undone', 'skipped', 'failed')"

SPEC_TABLE = """
CREATE TABLE spec (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    template TEXT NOT NULL,
    action TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    source_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    source INTEGER NOT NULL,            -- source.id
    line INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,           -- its position in the source, from 1
    present INTEGER NOT NULL,           -- 0: its key has gone from the source
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    intent_at REAL,                     -- the last intent
    intent_run INTEGER,
    segment_id TEXT,
    http_status INTEGER,
    error TEXT,
    warning TEXT,
    reconciled INTEGER NOT NULL,
    temporary INTEGER NOT NULL,         -- failed, and the next run tries it again
    request_id TEXT,
    created_by TEXT,
    created_at TEXT,
    server_name TEXT,                   -- where it is not the one that was asked for
    content TEXT,                       -- digest of the segment as the server gave it
    done_at REAL,
    run INTEGER                         -- the run that brought it to its state
)
"""

# Names are not unique here: a row whose key was changed leaves its name with the old key as well.
SPEC_INDEXES: Mapping[str, str] = {
    "spec_key": "CREATE UNIQUE INDEX spec_key ON spec (key)",
    "spec_folded": "CREATE INDEX spec_folded ON spec (folded)",
    "spec_open": "CREATE INDEX spec_open ON spec (ordinal) WHERE state = 'pending' AND present",
    "spec_in_doubt": "CREATE INDEX spec_in_doubt ON spec (state) WHERE state IN ('sending', 'unknown')",
    "spec_answered": "CREATE INDEX spec_answered ON spec (intent_at) "
    "WHERE state = 'created' AND NOT reconciled",
    "spec_renamed": "CREATE INDEX spec_renamed ON spec (action) WHERE server_name IS NOT NULL",
    "spec_segment": "CREATE UNIQUE INDEX spec_segment ON spec (segment_id) "
    f"WHERE segment_id IS NOT NULL AND {_CLAIMS}",
}

SCHEMA = (
    """
    CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        job TEXT NOT NULL,
        created_at REAL NOT NULL,
        today TEXT,
        site TEXT,
        source_fingerprint TEXT,
        job_fingerprint TEXT,
        rows INTEGER NOT NULL,
        specs INTEGER NOT NULL,
        lag REAL NOT NULL DEFAULT 0,        -- seconds that lists were seen to lag behind
        changed INTEGER NOT NULL DEFAULT 0  -- specs that are made and that the source asks for otherwise now
    )
    """,
    "CREATE TABLE source (id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE)",
    SPEC_TABLE,
    *SPEC_INDEXES.values(),
    """
    CREATE TABLE run (
        number INTEGER PRIMARY KEY,
        started_at REAL NOT NULL,
        began REAL NOT NULL,                -- the same moment by the machine's own count, in seconds
        boot TEXT,                          -- what that counts from, where it can be told
        user_id TEXT,                       -- whose credentials it had, where the sign-in told
        login TEXT NOT NULL,                -- the name that they have, empty where they have none
        stood INTEGER NOT NULL DEFAULT 0,   -- 1: the list of what stood there before it is whole
        ended_at REAL,
        summary TEXT                    -- JSON
    )
    """,
    # What the server held before a run's first intent. Kept, because a spec in doubt is judged by the list
    # that was taken before its own intent, never by a later one.
    """
    CREATE TABLE stood (
        run INTEGER NOT NULL,
        segment_id TEXT NOT NULL,
        name TEXT NOT NULL,
        folded TEXT NOT NULL,
        PRIMARY KEY (run, segment_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX stood_folded ON stood (folded, run)",
)

TABLES = ("meta", "source", "spec", "run", "stood")

Migrations = Mapping[int, Sequence[str]]
# MIGRATIONS[n] brings a checkpoint of version n to version n + 1.
MIGRATIONS: Migrations = {}


def create_tables(connection: sqlite3.Connection, job: str, now: float) -> None:
    """Make an empty checkpoint of `job`, in one transaction. `now` is Unix time in seconds."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(
        "INSERT INTO meta (one, job, created_at, rows, specs) VALUES (1, ?, ?, 0, 0)", (job, now)
    )
    connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection, path: Path, database: str = "main") -> int:
    """The version of the schema in a checkpoint.

    Raises CheckpointError for another program's database, and for a version that this bulkseg cannot know.
    """
    application: int = connection.execute(f"PRAGMA {database}.application_id").fetchone()[0]
    version: int = connection.execute(f"PRAGMA {database}.user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise CheckpointError(f"{path} is another program's database; name another file with --checkpoint")
    refuse_newer(version, path)
    return version


def refuse_newer(version: int, place: Location) -> None:
    """Raise CheckpointError for a version that this bulkseg cannot know."""
    if version > VERSION:
        raise CheckpointError(
            f"{place} was made by a newer bulkseg (schema version {version}, this one knows {VERSION}); "
            "it was not touched; use that bulkseg, or start anew with --fresh"
        )


def refuse_older(version: int, place: Location) -> None:
    """Raise CheckpointError for what a reader, which brings nothing forward, cannot read as it is."""
    if version != VERSION:
        raise CheckpointError(
            f"{place} was made by an older bulkseg (schema version {version}); "
            "`bulkseg run` brings it forward"
        )


def missing_steps(version: int, place: Location, migrations: Migrations) -> range:
    """The steps from `version` to VERSION. Raises CheckpointError where one of them is not there."""
    steps = range(version, VERSION)
    if any(step not in migrations for step in steps):
        raise CheckpointError(
            f"{place} was made by an older bulkseg (schema version {version}) and cannot be brought "
            f"forward to version {VERSION}; it was not touched; finish it with that bulkseg"
        )
    return steps


def migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    """Bring an older checkpoint forward to VERSION, in one transaction.

    Raises CheckpointError where there is no way forward; then nothing has changed.
    """
    steps = missing_steps(version_of(connection, path), path, migrations)
    connection.execute("BEGIN IMMEDIATE")
    for step in steps:
        for statement in migrations[step]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
