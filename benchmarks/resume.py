"""What going on costs: `bulkseg run` of a job of which all but ten rows were made by an earlier run.

The site holds all that was made, and the run lists it first, to see what stands there.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import children
from benchmarks.report import Budget, Report

SIZES = (10_000, 100_000, 1_000_000)
OPEN = 10
FIRST_REQUEST = 5.0  # seconds of CPU
NO_LIMIT = "1000000"  # requests a second


@dataclass(frozen=True, slots=True)
class Resumed:
    """One run that went on: its cost, CPU seconds to its first request, and seconds to its first create."""

    ended: children.Ended
    first_request: float
    first_create: float


def measure(turns: int, sizes: tuple[int, ...] = SIZES) -> Report:
    """CPU until the first request arrives; seconds until the first create does; CPU and memory, whole."""
    rows = [_measure(size, min(turns, 3)) for size in sizes]
    budgets = [
        Budget(
            f"{row['done']:,.0f} made: {row['first request CPU s']:.2f} s of CPU until the first request, "
            f"at most {FIRST_REQUEST:g}",
            row["first request CPU s"] <= FIRST_REQUEST,
        )
        for row in rows
    ]
    return Report(f"resume: bulkseg run with {OPEN} rows left to make", rows, budgets)


def _measure(size: int, turns: int) -> dict[str, float]:
    with children.folder() as folder:
        prepare(folder, size)
        seen = [go_on(folder, size) for _ in range(turns)]
    return {
        "done": size - OPEN,
        "turns": turns,
        "first request CPU s": median(one.first_request for one in seen),
        "first create s": median(one.first_create for one in seen),
        "whole s": median(one.ended.seconds for one in seen),
        "whole CPU s": median(one.ended.cpu for one in seen),
        "peak MiB": max(one.ended.peak for one in seen),
    }


def prepare(folder: Path, size: int) -> Path:
    """A source of so many rows in `folder`, and its checkpoint, which is given."""
    path = folder / "rows.csv"
    limit = 60 + size / 2_000
    children.python("-m", "benchmarks.prepared", str(path), str(size), str(OPEN), limit=limit)
    return path.with_suffix(".checkpoint")


def go_on(folder: Path, size: int) -> Resumed:
    """Go on with a copy of what `prepare` has made."""
    copy = folder / "copy.checkpoint"
    shutil.copy(folder / "rows.checkpoint", copy)
    command = ("run", str(folder / "rows.csv"), "--checkpoint", str(copy), "--yes", "--rate", NO_LIMIT)
    with children.server(segments=size - OPEN) as server:
        ended = children.python("-m", "bulkseg", *command, limit=60 + size / 5_000, environ=server.environ)
        stats = server.stats()
    copy.unlink()
    if stats["made"] != size or stats["names"] != size:
        raise RuntimeError(f"{stats['made']} segments are there, and should be {size}")
    first_request, first_create = stats["requests"][0], stats["creates"][0]
    return Resumed(ended, ended.cpu_by(first_request), first_create - ended.began)
