"""What a fleet takes: of a worker for each site that it works on, and of PostgreSQL for a thousand specs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import psutil
import psycopg

from benchmarks import children
from benchmarks.report import Report
from tests.cluster import Cluster, running
from tests.fleets import Fleet, Worker, fleet

SITES = (1, 8, 16)
SECONDS, WARMUP = 20.0, 4.0
RATE = 10  # the default of a job
# Top-level calls; what is cleaned up by itself is nobody's.
_SEEN = """
SELECT (SELECT sum(calls) FROM pg_stat_statements WHERE toplevel)::float8 AS statements,
    (SELECT sum(xact_commit) FROM pg_stat_database)::float8 AS commits,
    (SELECT wal_bytes FROM pg_stat_wal)::float8 AS wal,
    (SELECT sum(pg_database_size(oid)) FROM pg_database)::float8 AS bytes,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::float8 AS connections
"""


def measure(turns: int) -> Report:  # noqa: ARG001  # these figures hardly differ from turn to turn
    """One row for each number of sites, while each goes on at its rate."""
    with running(fsync=True) as cluster:
        _count_statements(cluster)
        rows = [_measure(cluster, sites) for sites in SITES]
    return Report(f"sizing: one worker, each site at {RATE} a second, {SECONDS:g} s", rows)


def _measure(cluster: Cluster, sites: int) -> dict[str, float]:
    names = ascii_lowercase[:sites]
    with children.folder() as folder, fleet(cluster, Path(folder).absolute(), names, "") as one:
        one("init")
        specs = int(RATE * (SECONDS + 2 * WARMUP) + 60)
        jobs = [one.job(f"job-{site}", site, specs, rate=RATE) for site in names]
        worker = one.worker(sites)
        one("submit", *jobs)
        for site in names:
            one.made(site, int(RATE * WARMUP))
        return _watched(one, names, worker)


def _watched(one: Fleet, names: str, worker: Worker) -> dict[str, float]:
    process = psutil.Process(worker.pid)
    before, made, used = _look(one), _made(one, names), process.cpu_times()
    time.sleep(SECONDS)
    after, more, spent = _look(one), _made(one, names) - made, process.cpu_times()
    cpu = spent.user + spent.system - used.user - used.system
    each = 1000 / more
    return {
        "sites": len(names),
        "specs/s": more / SECONDS,
        "worker MiB": process.memory_info().rss / 2**20,
        "worker CPU %": 100 * cpu / SECONDS,
        "connections": after["connections"] - 1,
        "commits/1000": (after["commits"] - before["commits"]) * each,
        "statements/1000": (after["statements"] - before["statements"]) * each,
        "WAL KiB/1000": (after["wal"] - before["wal"]) * each / 1024,
        "disk KiB/1000": (after["bytes"] - before["bytes"]) * each / 1024,
    }


def _made(one: Fleet, names: str) -> int:
    return sum(one.sites[site].stats()["made"] for site in names)


def _look(one: Fleet) -> Mapping[str, Any]:
    with psycopg.connect(one.url, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET search_path = public")
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return connection.execute(_SEEN).fetchone() or {}


def _count_statements(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    cluster.stop("fast")
    cluster.start()
