"""How a fleet grows: two jobs of two sites, done by one worker process and by two, over one PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks import children
from benchmarks.report import Budget, Report
from tests.cluster import Cluster, running
from tests.fleets import fleet

LEAST = 1.7
LATENCY = 0.05
ROWS, CONCURRENCY = 3_000, 32
NO_LIMIT = 1_000_000
# Worker processes, and the sites that each takes at once.
CASES = {"one process": (1, 1), "two processes": (2, 1), "one process, two sites at once": (1, 2)}


def measure(turns: int, rows: int = ROWS) -> Report:
    """Segments a second of both sites together, by the servers' arrival times; medians of the turns."""
    with running(fsync=True) as cluster:
        # one after the other in each turn, so that a slow minute of the machine hits all
        seen = [{name: _turn(cluster, *case, rows) for name, case in CASES.items()} for _ in range(turns)]
    base = next(iter(CASES))
    found = {name: median(turn[base] / turn[name] for turn in seen) for name in CASES}
    table: list[dict[str, float | str]] = [
        {"workers": name, "segments/s": 2 * rows / median(turn[name] for turn in seen), "x": found[name]}
        for name in CASES
    ]
    scaled = found["two processes"]
    kept = Budget(f"two processes do {scaled:.2f} times what one does, at least {LEAST}", scaled >= LEAST)
    title = f"fleet: two sites of {rows:,} segments at {LATENCY * 1000:.0f} ms, concurrency {CONCURRENCY}"
    return Report(f"{title}, {turns} turns", table, [kept])


def _turn(cluster: Cluster, workers: int, sites: int, rows: int) -> float:
    """Seconds from the arrival of the first create to that of the last, of both sites."""
    with children.folder() as folder, fleet(cluster, Path(folder).absolute(), "ab", "", LATENCY) as one:
        one("init")
        limits = {"rate": NO_LIMIT, "concurrency": CONCURRENCY, "timeout": "30s"}
        jobs = [one.job(f"job-{site}", site, rows, **limits) for site in "ab"]
        for _ in range(workers):
            one.worker(sites)
        done = one("submit", *jobs, "--wait")
        if done.status:
            raise RuntimeError(f"the jobs ended with {done.status}: {done.out}{done.err}")
        creates = sorted(at for site in "ab" for at in one.made(site, rows)["creates"])
    if len(creates) != 2 * rows:
        raise RuntimeError(f"{len(creates)} creates arrived of {2 * rows}")
    return creates[-1] - creates[0]
