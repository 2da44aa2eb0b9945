"""What durability costs: the dispatcher with its checkpoint against the same with nothing in its place."""

from __future__ import annotations

from statistics import median

from benchmarks import children
from benchmarks.report import Budget, Report

# Seconds of latency, and the share of the throughput that has to be kept there.
BUDGETS = {0.0: 0.85, 0.02: 0.97}
CONCURRENCY = 64
ROWS = 10_000


def measure(turns: int) -> Report:
    """Segments a second of both, by the server's arrival times, and the ratio; medians of the turns."""
    rows = [_measure(latency, turns) for latency in BUDGETS]
    budgets = [
        Budget(
            f"at {latency * 1000:.0f} ms, at least {least} of the throughput without a checkpoint",
            row["share"] >= least,
        )
        for (latency, least), row in zip(BUDGETS.items(), rows, strict=True)
    ]
    return Report(f"durability: {ROWS:,} segments, concurrency {CONCURRENCY}", rows, budgets)


def _measure(latency: float, turns: int) -> dict[str, float]:
    # one after the other in each turn, so that a slow minute of the machine hits both
    pairs = [(_seconds(latency, durable=True), _seconds(latency, durable=False)) for _ in range(turns)]
    return {
        "latency ms": latency * 1000,
        "turns": turns,
        "with/s": ROWS / median(with_it for with_it, _ in pairs),
        "without/s": ROWS / median(without for _, without in pairs),
        "share": median(without / with_it for with_it, without in pairs),
    }


def _seconds(latency: float, *, durable: bool) -> float:
    """From the arrival of the first create to that of the last."""
    with children.folder() as folder, children.server(latency) as server:
        where = ("--checkpoint", str(folder / "x.checkpoint")) if durable else ()
        command = ("-m", "benchmarks.dispatching", str(ROWS), str(CONCURRENCY), *where)
        children.python(*command, limit=180, environ=server.environ)
        creates = server.stats()["creates"]
    if len(creates) != ROWS:
        raise RuntimeError(f"{len(creates)} creates arrived of {ROWS}")
    return float(creates[-1] - creates[0])
