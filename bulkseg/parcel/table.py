"""The parcels of a fleet's jobs, in its database: each goes with its job, and is of no use after its end.

Over a connection whose search path leads to the fleet's tables.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

# To be made after the table `fleet_job`. A parcel is packed: PostgreSQL would only try in vain.
TABLE = (
    """
    CREATE TABLE fleet_parcel (
        job BIGINT PRIMARY KEY REFERENCES fleet_job (id) ON DELETE CASCADE,
        content BYTEA NOT NULL
    )
    """,
    "ALTER TABLE fleet_parcel ALTER content SET STORAGE EXTERNAL",
)
_PUT = "INSERT INTO fleet_parcel (job, content) VALUES (%s, %b)"
_GET = "SELECT content FROM fleet_parcel WHERE job = %s"
_FORGET = "DELETE FROM fleet_parcel USING fleet_job WHERE job = fleet_job.id AND ended_at IS NOT NULL"


def put(connection: psycopg.Connection[Any], job: int, parcel: bytes) -> None:
    """Keeps the parcel of a job: in the transaction that submits it, so that no worker takes it before."""
    connection.execute(_PUT, (job, parcel))


def get(connection: psycopg.Connection[Any], job: int) -> bytes | None:
    """The parcel of a job; None where it has none, or has ended."""
    # As it is: as a text it would be twice as long.
    row = connection.cursor(binary=True, row_factory=tuple_row).execute(_GET, (job,)).fetchone()
    return None if row is None else bytes(row[0])


def forget_ended(connection: psycopg.Connection[Any]) -> int:
    """Deletes the parcels of jobs that have ended; gives how many."""
    return connection.execute(_FORGET).rowcount
