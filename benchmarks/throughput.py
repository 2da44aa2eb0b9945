"""What durability and care cost: `bulkseg run` against a bare pool of aiohttp workers, in turns."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from benchmarks import children, source
from benchmarks.report import Report

LATENCIES = (0.0, 0.02)  # seconds
CONCURRENCY = 64
ROWS = 10_000
NO_LIMIT = "1000000"  # requests a second


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds that a command took whole, and from the arrival of its first create to that of its last."""

    whole: float
    sending: float


def measure(turns: int) -> Report:
    """Segments a second of both, and bulkseg's as a share of the pool's, medians of the turns."""
    rows = [_measure(latency, turns) for latency in LATENCIES]
    return Report(f"throughput: {ROWS:,} segments, concurrency {CONCURRENCY}", rows)


def _measure(latency: float, turns: int) -> dict[str, float]:
    # one after the other in each turn, so that a slow minute of the machine hits both
    pairs = [(_bulkseg(latency), _pool(latency)) for _ in range(turns)]
    return {
        "latency ms": latency * 1000,
        "turns": turns,
        "pool/s": ROWS / median(pool.sending for _, pool in pairs),
        "bulkseg/s": ROWS / median(ours.sending for ours, _ in pairs),
        "share, sending": median(pool.sending / ours.sending for ours, pool in pairs),
        "share, whole": median(pool.whole / ours.whole for ours, pool in pairs),
    }


def _bulkseg(latency: float) -> Turn:
    with children.folder() as folder:
        path = source.write(folder / "rows.csv", ROWS)
        limits = ("--rate", NO_LIMIT, "--concurrency", str(CONCURRENCY))
        return _turn(latency, "-m", "bulkseg", "run", str(path), "--yes", *limits)


def _pool(latency: float) -> Turn:
    return _turn(latency, "-m", "benchmarks.pool", str(ROWS), str(CONCURRENCY))


def _turn(latency: float, *command: str) -> Turn:
    with children.server(latency) as server:
        ended = children.python(*command, limit=180, environ=server.environ)
        stats = server.stats()
    if stats["names"] != ROWS or stats["made"] != ROWS:
        raise RuntimeError(f"{stats['made']} segments were made of {ROWS}")
    return Turn(ended.seconds, stats["creates"][-1] - stats["creates"][0])
