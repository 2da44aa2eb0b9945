"""What a fleet is doing: the newest job of each name, and the workers. `fleet status --json` prints it."""

from __future__ import annotations

from typing import Any

from bulkseg.fleet.schema import Connection
from bulkseg.fleet.terms import Terms

_JOBS = """
SELECT DISTINCT ON (name) name AS job, site, job.status::text AS status, abort_requested, worker,
    submitted_at, started_at, ended_at, progress, note, summary, exit, stopped
FROM fleet_job JOIN procrastinate_jobs AS job ON job.id = fleet_job.id ORDER BY name, fleet_job.id DESC
"""
_WORKERS = """
SELECT fleet_worker.name AS worker, sites, since, last_heartbeat,
    extract(epoch FROM now() - last_heartbeat)::float8 AS silent,
    (SELECT count(*) FROM procrastinate_jobs AS job
     WHERE job.worker_id = fleet_worker.id AND job.status = 'doing') AS running
FROM fleet_worker JOIN procrastinate_workers USING (id) ORDER BY fleet_worker.name
"""
_COUNTS = ("total", "done", "failed", "waiting")


def document(connection: Connection, terms: Terms) -> dict[str, Any]:
    """All of it. `since` is when a job came into its present state, in ISO 8601."""
    workers = connection.execute(_WORKERS).fetchall()
    return {
        "jobs": [_job(row) for row in connection.execute(_JOBS).fetchall()],
        "workers": [
            {
                "worker": row["worker"],
                "alive": row["silent"] < terms.silent,
                "last_heartbeat": row["last_heartbeat"].isoformat(timespec="seconds"),
                "sites": row["sites"],
                "running": row["running"],
                "since": row["since"].isoformat(timespec="seconds"),
            }
            for row in workers
        ],
    }


def _job(row: dict[str, Any]) -> dict[str, Any]:
    state = _state(row)
    since = {"queued": row["submitted_at"], "ended": row["ended_at"]}.get(state, row["started_at"])
    return {
        "job": row["job"],
        "site": row["site"],
        "state": state,
        "worker": row["worker"] if state in ("running", "stopping") else None,
        **_progress(row["progress"], row["summary"]),
        "since": None if since is None else since.isoformat(timespec="seconds"),
        "exit": row["exit"] if state == "ended" else None,
        "why": row["stopped"] if state == "ended" else row["note"],
    }


def _state(row: dict[str, Any]) -> str:
    """queued, waiting (begun, and in the queue again), running, stopping, ended."""
    if row["status"] == "doing":
        return "stopping" if row["abort_requested"] else "running"
    if row["status"] != "todo":
        return "ended"
    return "waiting" if row["started_at"] else "queued"


def _progress(progress: dict[str, Any] | None, summary: dict[str, Any] | None) -> dict[str, Any]:
    """The present run's counts; of one that is over, those of all its specs."""
    if summary is not None:
        states = summary["states"]
        open_ = states["pending"] + states["sending"]
        failed = states["failed"] + states["unknown"]
        counts = (summary["specs"], summary["specs"] - open_, failed, open_)
        return {**dict(zip(_COUNTS, counts, strict=True)), "rate": summary["rate"]}
    if progress is None:
        return {**dict.fromkeys(_COUNTS), "rate": None}
    waiting = max(0, progress["total"] - progress["done"] - progress["in_flight"])
    failed = progress["failed"] + progress["unknown"]
    counts = (progress["total"], progress["done"], failed, waiting)
    return {**dict(zip(_COUNTS, counts, strict=True)), "rate": progress["reached"]}
