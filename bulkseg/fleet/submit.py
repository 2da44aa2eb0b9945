"""Puts jobs into the queue, each once; waits for their end; takes them out again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from procrastinate import SyncPsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from bulkseg import pipeline
from bulkseg.errors import CheckpointError, ConfigError
from bulkseg.fleet.engine import QUEUE, TASK, is_away
from bulkseg.fleet.order import Order
from bulkseg.fleet.records import CANCELLED
from bulkseg.fleet.schema import ALONE, Connection, connected
from bulkseg.location import Database
from bulkseg.parcel import pack, table
from bulkseg.remote import place_of

# Seconds between two looks whether a job has ended, and between two tries where the database is away.
_LOOK = 0.5

_UNDER_WAY = """
SELECT job.id, job.status, fleet_job.site
FROM procrastinate_jobs AS job JOIN fleet_job ON fleet_job.id = job.id
WHERE fleet_job.name = %s AND job.status IN ('todo', 'doing')
"""
_RECORD = "INSERT INTO fleet_job (id, name, site, file) VALUES (%s, %s, %s, %s)"
_ENDED = """
SELECT id, name, site, summary, exit, stopped FROM fleet_job WHERE id = ANY(%s) AND ended_at IS NOT NULL
"""
_KNOWN = "SELECT FROM fleet_job WHERE name = %s LIMIT 1"
_TAKEN_OUT = "UPDATE fleet_job SET ended_at = now(), exit = 3, stopped = %s, note = NULL WHERE id = %s"
_STATUS = "SELECT status FROM procrastinate_jobs WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order whose job was read and found good, and the job's files where they are to go with it."""

    order: Order
    parcel: bytes | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """One job in the queue. `before` is None, or what had become of it before it was submitted once more."""

    number: int
    name: str
    site: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is over; `summary` is the document of its run, None where none came to an end."""

    number: int
    name: str
    site: str
    exit: int
    stopped: str | None
    summary: dict[str, Any] | None


def prepare(ordered: Order, database: Database, *, embed: bool = False) -> Prepared:
    """Reads and checks the whole job; needs no credentials. `embed` takes its files along.

    Raises InputError, ConfigError, CheckpointError, as `bulkseg plan` does.
    """
    job = ordered.job()
    pipeline.plan(job, ordered.options(database))
    if not embed:
        return Prepared(ordered)
    here = [place_of(each) for each in (ordered.file, ordered.source) if each is not None]
    if not all(isinstance(place, Path) for place in here):
        raise ConfigError("--embed is for files of this machine: workers read from a store themselves")
    parcel = pack(*(place for place in here if isinstance(place, Path)))
    return Prepared(replace(ordered, embedded=True), parcel)


def submit(database: Database, prepared: Sequence[Prepared]) -> list[Submitted]:
    """Queues all of them at once; those that are queued already, or running, are left as they are.

    Raises ConfigError where the database is not made ready, CheckpointError where it is away.
    """
    with connected(database) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", ALONE)
        table.forget_ended(connection)
        return [_submit(connection, each.order, each.parcel) for each in prepared]


def _submit(connection: Connection, ordered: Order, parcel: bytes | None) -> Submitted:
    there = connection.execute(_UNDER_WAY, (ordered.name,)).fetchone()
    if there is not None:
        before = "running" if there["status"] == "doing" else "queued"
        return Submitted(there["id"], ordered.name, there["site"], before)
    job = Job(
        queue=QUEUE,
        lock=ordered.site,
        queueing_lock=ordered.name,
        task_name=TASK,
        task_kwargs=ordered.document(),
    )
    number = _manager().defer_job(job, connection=connection).id
    assert number is not None  # noqa: S101  # it is in the queue
    connection.execute(_RECORD, (number, ordered.name, ordered.site, ordered.file))
    if parcel is not None:
        table.put(connection, number, parcel)
    return Submitted(number, ordered.name, ordered.site)


def wait(database: Database, numbers: Sequence[int]) -> Iterator[Ended]:
    """Each job as it ends, for as long as that takes; a database that is away is waited for."""
    left = set(numbers)
    while left:
        try:
            with connected(database) as connection:
                while left:
                    for row in connection.execute(_ENDED, (list(left),)).fetchall():
                        left.discard(row["id"])
                        yield Ended(row.pop("id"), **row)
                    time.sleep(_LOOK if left else 0.0)
        except CheckpointError as error:
            if not is_away(error):
                raise
            time.sleep(_LOOK)


def cancel(database: Database, names: Sequence[str]) -> list[tuple[str, str | None]]:
    """Takes queued jobs out of the queue, and has running ones stop; says which was which, None for neither.

    Raises ConfigError for a name that was never submitted; then none is cancelled.
    """
    with connected(database) as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", ALONE)
        for name in names:
            if connection.execute(_KNOWN, (name,)).fetchone() is None:
                raise ConfigError(
                    f"no job called {name!r} was ever submitted; `bulkseg fleet status` lists them"
                )
        done = [(name, _cancel(connection, name)) for name in names]
        table.forget_ended(connection)
        return done


def _cancel(connection: Connection, name: str) -> str | None:
    there = connection.execute(_UNDER_WAY, (name,)).fetchone()
    if there is None or not _manager().cancel_job_by_id(there["id"], abort=True, connection=connection):
        return None
    status = connection.execute(_STATUS, (there["id"],)).fetchone()
    if status is not None and status["status"] == "doing":
        return "running"
    connection.execute(_TAKEN_OUT, (CANCELLED, there["id"]))
    return "queued"


def _manager() -> JobManager:
    """It is handed the connection with each call."""
    return JobManager(SyncPsycopgConnector())
