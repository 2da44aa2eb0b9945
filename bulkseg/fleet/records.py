"""What workers put down about themselves and their jobs, by statements that may be repeated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg.types.json import Jsonb

from bulkseg.fleet.engine import CHANNEL, QUEUE, PatientConnector

# A job is taken once for each number of attempts: whoever has lost it meanwhile has an older number.
_OWN = """
WITH own AS (
    SELECT id FROM procrastinate_jobs
    WHERE id = %(id)s AND status = 'doing' AND attempts = %(attempts)s FOR UPDATE
), told AS (
    SELECT pg_notify(%(channel)s, json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM own
)
"""
_FINISH = f"""{_OWN}, record AS (
    UPDATE fleet_job SET ended_at = now(), note = NULL, summary = %(summary)s, exit = %(exit)s,
        stopped = %(stopped)s
    FROM own WHERE fleet_job.id = own.id
), files AS (
    DELETE FROM fleet_parcel USING own WHERE job = own.id
)
SELECT procrastinate_finish_job_v1(own.id, %(status)s::procrastinate_job_status, false) FROM own, told
"""  # noqa: S608  # constants
_PUT_BACK = f"""{_OWN}, record AS (
    UPDATE fleet_job SET note = %(note)s FROM own WHERE fleet_job.id = own.id
)
SELECT procrastinate_retry_job_v2(own.id, now() + %(seconds)s * interval '1 second', NULL, NULL, NULL)
FROM own, told
"""  # noqa: S608  # likewise
_TAKE = """
UPDATE fleet_job SET started_at = coalesce(started_at, now()), worker = %(worker)s, note = NULL,
    progress = NULL
WHERE id = %(id)s RETURNING first_run
"""
# The worker's own row comes back as well, where it was taken for dead and pruned.
_BEAT = """
WITH alive AS (
    INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (%(worker)s)
    ON CONFLICT (id) DO UPDATE SET last_heartbeat = now() RETURNING id
), known AS (
    INSERT INTO fleet_worker (id, name, sites) SELECT id, %(name)s, %(sites)s FROM alive
    ON CONFLICT (id) DO NOTHING
)
UPDATE fleet_job SET progress = told.value, first_run = coalesce(first_run, (told.value->>'run')::integer)
FROM jsonb_each(%(progress)s) AS told, procrastinate_jobs AS job
WHERE fleet_job.id = told.key::bigint AND job.id = fleet_job.id AND job.status = 'doing'
    AND job.attempts = (told.value->>'attempts')::integer
"""
_SITE_HELD = """
SELECT fleet_job.name, extract(epoch FROM held.expires_at - clock_timestamp())::float8 AS seconds
FROM fleet_job JOIN bulkseg.checkpoint AS held ON held.name = fleet_job.name
WHERE fleet_job.site = %(site)s AND fleet_job.name <> %(name)s AND held.expires_at > clock_timestamp()
ORDER BY seconds DESC LIMIT 1
"""
_THERE = "SELECT to_regclass('bulkseg.checkpoint') IS NOT NULL AS there"
_SILENT = """
SELECT job.id, job.attempts, job.abort_requested, fleet_job.name, fleet_job.worker
FROM procrastinate_jobs AS job JOIN fleet_job ON fleet_job.id = job.id
LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
WHERE job.status = 'doing'
    AND (worker.id IS NULL OR worker.last_heartbeat < now() - %(silent)s * interval '1 second')
ORDER BY job.id
"""
_MINE = "SELECT id, attempts FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %(worker)s"
# A job that was cancelled while it was being put back has come to its end without anybody's word.
_CLOSE = """
UPDATE fleet_job SET ended_at = now(), exit = 3, stopped = %(why)s
FROM procrastinate_jobs AS job WHERE job.id = fleet_job.id AND fleet_job.ended_at IS NULL
    AND job.status NOT IN ('todo', 'doing')
"""
CANCELLED = "cancelled by `bulkseg fleet cancel`"


@dataclass(frozen=True, slots=True)
class End:
    """How a job has ended: the document that `run --json` prints, if it came so far, and the exit status."""

    exit: int
    stopped: str | None = None
    summary: Mapping[str, Any] | None = None
    cancelled: bool = False

    @property
    def status(self) -> Status:
        """In procrastinate's words."""
        if self.cancelled:
            return Status.ABORTED
        return Status.FAILED if self.exit else Status.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Silent:
    """A job whose worker was not heard of for too long."""

    job: Job
    name: str
    worker: str | None
    cancelled: bool


class Records(JobManager):
    """Ends and puts back only jobs that are still those that were taken; the others are told of it at once.

    worker, sites: this worker's name, and how many sites it takes at once.
    progress: how far each running job is, by its number.
    ends: how a job has ended, for when procrastinate ends it; `notes` likewise why it is put back, and for
    how many seconds.
    """

    connector: PatientConnector

    def __init__(
        self,
        connector: PatientConnector,
        worker: str,
        sites: int,
        progress: Callable[[], Mapping[int, Mapping[str, Any]]],
    ) -> None:
        super().__init__(connector)
        self.worker = worker
        self.sites = sites
        self.ends: dict[int, End] = {}
        self.notes: dict[int, tuple[float, str]] = {}
        self._progress = progress

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """A job, or None. Whoever asks for one is alive."""
        await self.update_heartbeat(worker_id)
        return await super().fetch_job(queues, worker_id)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: ARG002, FBT001
        """Ends it, unless somebody has put it back."""
        assert job.id is not None  # noqa: S101  # it comes from the queue
        await self.end(job, self.ends.pop(job.id, End(1, "it ended in a way that is a bug in bulkseg")))

    async def end(self, job: Job, end: End) -> None:
        """Ends it so."""
        summary = None if end.summary is None else Jsonb(end.summary)
        said = {"summary": summary, "exit": end.exit, "stopped": end.stopped, "status": end.status.value}
        await self.connector.execute_query_async(_FINISH, **_own(job), **said)

    async def retry_job(
        self,
        job: Job,
        retry_at: dt.datetime | None = None,  # noqa: ARG002  # the database's clock is the fleet's
        priority: int | None = None,  # noqa: ARG002
        queue: str | None = None,  # noqa: ARG002
        lock: str | None = None,  # noqa: ARG002
    ) -> None:
        """Puts it back, unless somebody has."""
        assert job.id is not None  # noqa: S101  # it comes from the queue
        await self.put_back(job, *self.notes.pop(job.id, (0.0, "")))

    async def put_back(self, job: Job, seconds: float, note: str) -> None:
        """To be taken again after so many seconds."""
        await self.connector.execute_query_async(_PUT_BACK, **_own(job), seconds=seconds, note=note or None)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Tells that the worker is alive, and how far its jobs are; also one that was taken for dead."""
        progress = Jsonb({str(number): told for number, told in self._progress().items()})
        said = {"worker": worker_id, "name": self.worker, "sites": self.sites, "progress": progress}
        await self.connector.execute_query_async(_BEAT, **said)

    async def take(self, job: Job) -> bool:
        """Tells who has it now; whether it goes on with what an earlier worker has begun."""
        rows = await self.connector.execute_query_all_async(_TAKE, id=job.id, worker=self.worker)
        return bool(rows) and rows[0]["first_run"] is not None

    async def site_held(self, site: str, name: str) -> tuple[str, float] | None:
        """Another job of the site whose checkpoint somebody holds, and for how many seconds at least."""
        if not (await self.connector.execute_query_one_async(_THERE))["there"]:
            return None
        rows = await self.connector.execute_query_all_async(_SITE_HELD, site=site, name=name)
        return (rows[0]["name"], rows[0]["seconds"]) if rows else None

    async def silent(self, seconds: float) -> list[Silent]:
        """The jobs of workers that were not heard of for so long."""
        rows = await self.connector.execute_query_all_async(_SILENT, silent=seconds)
        return [
            Silent(nameless(row["id"], row["attempts"]), row["name"], row["worker"], row["abort_requested"])
            for row in rows
        ]

    async def mine(self, worker_id: int) -> set[tuple[int, int]]:
        """The jobs that this worker has, whether it knows of them or not, by number and attempts."""
        rows = await self.connector.execute_query_all_async(_MINE, worker=worker_id)
        return {(row["id"], row["attempts"]) for row in rows}

    async def close_cancelled(self) -> None:
        """Ends the records of jobs that have no end of their own."""
        await self.connector.execute_query_async(_CLOSE, why=CANCELLED)


def _own(job: Job) -> dict[str, Any]:
    return {"id": job.id, "attempts": job.attempts, "channel": CHANNEL}


def nameless(number: int, attempts: int) -> Job:
    """As much of a job as ending it or putting it back takes."""
    return Job(id=number, attempts=attempts, queue=QUEUE, lock=None, queueing_lock=None, task_name="")
