"""How fast: `bulkseg run`, whole, against other clients that make the same segments, in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report

OURS = "bulkseg"
NO_LIMIT = "1000000"  # requests a second
CONCURRENCY = {OURS: 64, "pool": 64, "gather": 64, "httpx": 64, "requests": 32}
LATENCIES = (0.0, 0.02, 0.2)  # seconds
LEAST = {  # what bulkseg's speed has to be, in times the other's, at that latency
    (0.0, "pool"): 0.65,
    (0.0, "requests"): 5.0,
    (0.0, "httpx"): 25.0,
    (0.02, "pool"): 0.95,
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One client, once: segments a second by their arrival; CPU microseconds for each, start included."""

    speed: float
    cpu: float


Turns = Sequence[Mapping[str, Turn]]


def measure(turns: int, scale: float = 1.0) -> Report:
    """Medians of the turns, and how many times each other's speed is bulkseg's.

    `scale` makes the runs shorter.
    """
    rows: list[dict[str, float | str]] = []
    budgets: list[Budget] = []
    for latency in LATENCIES:
        # one after the other in each turn, so that a slow minute of the machine hits all
        seen = [
            {name: _turn(name, latency, int(rows_of(name, latency) * scale)) for name in CONCURRENCY}
            for _ in range(turns)
        ]
        rows += table(latency, seen)
        budgets += _budgets(latency, seen)
    return Report(f"throughput: bulkseg run against other clients, {turns} turns", rows, budgets)


def rows_of(name: str, latency: float) -> int:
    """So many that the start of a run is a small part of a turn, and a slow client takes no minutes."""
    if latency:
        slow = name in {"httpx", "requests"}
        return int((40 if slow else 320) * CONCURRENCY[name] if latency < 0.1 else 20 * CONCURRENCY[name])
    return {"httpx": 1_000, "requests": 4_000}.get(name, 40_000)


def table(latency: float, seen: Turns) -> list[dict[str, float | str]]:
    """A row for each contender."""
    return [
        {
            "latency ms": latency * 1000,
            "client": name,
            "concurrency": concurrency,
            "segments/s": median(turn[name].speed for turn in seen),
            "bulkseg is x": ratio(seen, name),
            "CPU us each": median(turn[name].cpu for turn in seen),
        }
        for name, concurrency in CONCURRENCY.items()
    ]


def ratio(seen: Turns, name: str) -> float:
    """How many times the other's speed is bulkseg's: the median of the turns."""
    return median(turn[OURS].speed / turn[name].speed for turn in seen)


def _budgets(latency: float, seen: Turns) -> list[Budget]:
    found = [(name, least, ratio(seen, name)) for (at, name), least in LEAST.items() if at == latency]
    return [
        Budget(
            f"at {latency * 1000:.0f} ms, {times:.2f} times {name}, at least {least:g}",
            times >= least,
        )
        for name, least, times in found
    ]


def _turn(name: str, latency: float, rows: int) -> Turn:
    with children.folder() as folder, children.server(latency) as server:
        if name == OURS:
            path = str(source.write(folder / "rows.csv", rows))
            limits = ("--rate", NO_LIMIT, "--concurrency", str(CONCURRENCY[OURS]))
            command = ["-m", "bulkseg", "run", path, "--yes", *limits]
        else:
            command = ["-m", "benchmarks.contenders", name, str(rows), str(CONCURRENCY[name])]
        ended = children.python(*command, limit=180, environ=server.environ)
        stats = server.stats()
    if stats["names"] != rows or stats["made"] != rows:
        raise RuntimeError(f"{name}: {stats['made']} segments were made of {rows}")
    return Turn((rows - 1) / (stats["creates"][-1] - stats["creates"][0]), ended.cpu / rows * 1e6)
