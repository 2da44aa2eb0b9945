"""What a checkpoint in PostgreSQL costs: `bulkseg run`, whole, over it, and over a SQLite file."""

from __future__ import annotations

from itertools import count
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report
from tests import cluster

LEAST = 0.6
CONCURRENCY = 64
ROWS = 20_000
_numbers = count(1)


def measure(turns: int) -> Report:
    """Segments a second of both, by the server's arrival times, and the ratio; medians of the turns."""
    with cluster.running(fsync=True) as postgres:
        # one after the other in each turn, so that a slow minute of the machine hits both
        pairs = [(_turn(None), _turn(f"{postgres.url}#turn{next(_numbers)}")) for _ in range(turns)]
    share = median(file / database for file, database in pairs)
    row = {
        "turns": turns,
        "file/s": ROWS / median(file for file, _ in pairs),
        "database/s": ROWS / median(database for _, database in pairs),
        "share": share,
    }
    kept = Budget(f"at least {LEAST} of the throughput over a file", share >= LEAST)
    return Report(f"store: {ROWS:,} segments, no latency, concurrency {CONCURRENCY}", [row], [kept])


def _turn(checkpoint: str | None) -> float:
    """Seconds from the arrival of the first create to that of the last."""
    where = ("--checkpoint", checkpoint) if checkpoint else ()
    with children.folder() as folder, children.server(0.0) as server:
        path = str(source.write(folder / "rows.csv", ROWS))
        limits = ("--rate", "1000000", "--concurrency", str(CONCURRENCY))
        command = ("-m", "bulkseg", "run", path, "--yes", *limits, *where)
        children.python(*command, limit=180, environ=server.environ)
        stats = server.stats()
    if stats["made"] != ROWS:
        raise RuntimeError(f"{stats['made']} segments were made of {ROWS}")
    return float(stats["creates"][-1] - stats["creates"][0])
