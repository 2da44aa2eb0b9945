"""How time and memory grow with the rows, up to a million: a table and a picture of each command."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import linear_regression

from benchmarks import children, resume, source
from benchmarks.report import FOLDER, Budget, Report

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SMALL, FLAT_MIB = 10_000, 50  # from here on, memory may grow by so many MiB at the most
NO_LIMIT = ("--rate", "1000000", "--concurrency", "64", "--yes")
PICTURE = FOLDER / "growth.png"

Point = tuple[int, children.Ended]


def measure(turns: int, sizes: Sequence[int] = SIZES) -> Report:  # noqa: ARG001  # the sizes are turns enough
    """Seconds and MiB of each command at each size; the slopes are those of a line through the logarithms."""
    seen: dict[str, list[Point]] = {name: [] for name in COMMANDS}
    for size in sizes:
        with children.folder() as folder:
            resume.prepare(folder, size)
            for name, command in COMMANDS.items():
                seen[name].append((size, command(folder, size)))
    draw(seen, PICTURE)
    rows = [row for name, points in seen.items() for row in table(name, points)]
    budgets = [budget for name, points in seen.items() for budget in flat(name, points)]
    return Report(f"growth: from {sizes[0]:,} to {sizes[-1]:,} rows; see {PICTURE}", rows, budgets)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the line of least squares through points on a log-log plot: 1 is proportional, 0 is flat."""
    return linear_regression([math.log(x) for x in xs], [math.log(y) for y in ys]).slope


def slopes(points: Sequence[Point]) -> tuple[float, float]:
    """Of seconds and of MiB against rows, from SMALL on: below it the start is most of all."""
    large = [point for point in points if point[0] >= SMALL]
    if len(large) < 2:
        return math.nan, math.nan
    sizes = [size for size, _ in large]
    return slope(sizes, [end.seconds for _, end in large]), slope(sizes, [end.peak for _, end in large])


def table(name: str, points: Sequence[Point]) -> list[dict[str, float | str]]:
    """A row for each size; the slopes are the same in all."""
    in_time, in_memory = slopes(points)
    return [
        {
            "command": name,
            "rows": size,
            "seconds": ended.seconds,
            "CPU s": ended.cpu,
            "peak MiB": ended.peak,
            "slope of s": in_time,
            "slope of MiB": in_memory,
        }
        for size, ended in points
    ]


def flat(name: str, points: Sequence[Point]) -> list[Budget]:
    """Whether the peak stays, from SMALL to the largest."""
    peaks = {size: ended.peak for size, ended in points}
    largest = max(peaks)
    if largest <= SMALL or SMALL not in peaks:
        return []
    more = peaks[largest] - peaks[SMALL]
    what = f"{name}: {more:+.0f} MiB from {SMALL:,} to {largest:,} rows, at most {FLAT_MIB}"
    return [Budget(what, more <= FLAT_MIB)]


def draw(seen: dict[str, list[Point]], path: Path) -> None:
    """Seconds and peak memory against rows, both axes logarithmic."""
    import matplotlib as mpl  # large, and none of the children's business: see children.py
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    time, memory = figure.subplots(1, 2)
    for number, (name, points) in enumerate(seen.items()):
        sizes = [size for size, _ in points]
        look = {"marker": "o", "color": mpl.color_sequences["tab10"][number]}
        in_time, in_memory = slopes(points)
        time.plot(sizes, [end.seconds for _, end in points], label=f"{name} ({in_time:.2f})", **look)
        memory.plot(sizes, [end.peak for _, end in points], label=f"{name} ({in_memory:.2f})", **look)
    for axes, what in ((time, "seconds"), (memory, "peak memory in MiB")):
        axes.set(xscale="log", yscale="log", xlabel="rows", title=f"{what} (slope from {SMALL:,} rows on)")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    memory.set_ylim(10, 1000)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _plan(folder: Path, size: int) -> children.Ended:
    path = str(folder / "rows.csv")
    fresh = str(folder / "none.checkpoint")
    return children.python("-m", "bulkseg", "plan", path, "--checkpoint", fresh, limit=60 + size / 2_000)


def _run(folder: Path, size: int) -> children.Ended:
    """From nothing, against a server at no latency."""
    path, fresh = source.write(folder / "new.csv", size), folder / "new.checkpoint"
    with children.server() as server:
        command = ("run", str(path), "--checkpoint", str(fresh), *NO_LIMIT)
        ended = children.python("-m", "bulkseg", *command, limit=60 + size / 1_000, environ=server.environ)
    fresh.unlink()
    return ended


def _resume(folder: Path, size: int) -> children.Ended:
    return resume.go_on(folder, size).ended


def _results(ending: str) -> Callable[[Path, int], children.Ended]:
    def results(folder: Path, size: int) -> children.Ended:
        checkpoint, out = str(folder / "rows.checkpoint"), folder / f"results{ending}"
        ended = children.python(
            "-m", "bulkseg", "results", checkpoint, "-o", str(out), limit=60 + size / 2_000
        )
        out.unlink()
        return ended

    return results


COMMANDS: dict[str, Callable[[Path, int], children.Ended]] = {
    "plan": _plan,
    "run": _run,
    "resume": _resume,
    "results .csv": _results(".csv"),
    "results .parquet": _results(".parquet"),
}
