"""How well the rate is kept: `bulkseg run` against a server 20 ms away that notes when requests arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report

RATES = (10, 50, 300)
LATENCY = 0.02  # seconds
SECONDS = 12  # how long a turn sends
SETTLED = 1.0  # seconds: the start (a listing, a first segment that goes alone) is not what is asked about

SHARE = 0.98  # at least this share of the rate is reached
JITTER = 1.02  # at most this share of it arrives in any second: what is sent evenly arrives less so
BUNCH = 2.5  # at most so many times its share arrives in any 100 ms


def measure(turns: int) -> Report:
    """Shares of the rate, medians of the turns; and the worst second and tenth of a second of them all."""
    rows = [_measure(rate, min(turns, 2)) for rate in RATES]
    return Report(f"pace: bulkseg run, a server {LATENCY * 1000:.0f} ms away", rows, _budgets(rows))


def _measure(rate: int, turns: int) -> dict[str, float]:
    arrived = [_turn(rate) for _ in range(turns)]
    return {
        "rate": rate,
        "turns": turns,
        "reached": median(speed(times) for times in arrived) / rate,
        "most in 1 s": max(most_within(times, 1.0) for times in arrived),
        "most in 100 ms": max(most_within(times, 0.1) for times in arrived),
        "times its share": max(most_within(times, 0.1) for times in arrived) / (rate * 0.1),
    }


def _turn(rate: int) -> list[float]:
    """When requests arrived, the start left out."""
    rows = rate * SECONDS
    with children.folder() as folder, children.server(LATENCY) as server:
        path = source.write(folder / "rows.csv", rows)
        command = ("-m", "bulkseg", "run", str(path), "--yes", "--rate", str(rate), "--concurrency", "64")
        children.python(*command, limit=60 + 3 * SECONDS, environ=server.environ)
        stats = server.stats()
    if stats["names"] != rows:
        raise RuntimeError(f"{stats['names']} segments were made of {rows}")
    return [at for at in stats["requests"] if at >= stats["creates"][0] + SETTLED]


def speed(times: Sequence[float]) -> float:
    """Requests a second from the first to the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most that arrived in any span of that length, wherever it begins."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def _budgets(rows: Iterable[dict[str, float]]) -> list[Budget]:
    budgets = []
    for row in rows:
        rate, reached, second, bunch = (
            row[name] for name in ("rate", "reached", "most in 1 s", "times its share")
        )
        allowed = max(rate * JITTER, rate + 1)  # one that is a little late shares a second with the next ones
        budgets += [
            Budget(f"at {rate:.0f}/s: {reached:.3f} of the rate, at least {SHARE}", reached >= SHARE),
            Budget(
                f"at {rate:.0f}/s: {second:.0f} in the fullest second, at most {allowed:.0f}",
                second <= allowed,
            ),
            Budget(
                f"at {rate:.0f}/s: {bunch:.2f} of its share in any 100 ms, at most {BUNCH}", bunch <= BUNCH
            ),
        ]
    return budgets
