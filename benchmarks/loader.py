"""What it costs to read, expand and check a source: `bulkseg plan` of CSV and Parquet files."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report

SIZES = (10_000, 100_000, 1_000_000)
LARGE = 1_000_000  # a size that takes long, and goes the more evenly for it
ROWS_A_SECOND = 30_000
PEAK_MIB = 300


def measure(turns: int, sizes: tuple[int, ...] = SIZES) -> Report:
    """Rows a second and peak memory of the whole command, its start included."""
    rows = [
        _measure(ending, size, turns if size < LARGE else min(turns, 2), job=job)
        for job in (False, True)
        for ending in (".csv", ".parquet")
        for size in sizes
    ]
    return Report("loader: bulkseg plan", rows, [budget for row in rows for budget in _budgets(row)])


def _budgets(row: dict[str, float | str]) -> list[Budget]:
    """For a million rows: the start counts for little there."""
    speed, peak = float(row["rows/s"]), float(row["peak MiB"])
    if row["rows"] != LARGE:
        return []
    what = f"a million rows, {row['source']}, {row['template']}"
    return [
        Budget(f"{what}: {speed:,.0f} a second, at least {ROWS_A_SECOND:,}", speed >= ROWS_A_SECOND),
        Budget(f"{what}: {peak:.0f} MiB, under {PEAK_MIB}", peak < PEAK_MIB),
    ]


def _measure(ending: str, size: int, turns: int, *, job: bool) -> dict[str, float | str]:
    ended = [_turn(ending, size, job=job) for _ in range(turns)]
    seconds = median(turn.seconds for turn in ended)
    return {
        "source": ending.removeprefix("."),
        "template": "ten strings" if job else "bare file",
        "rows": size,
        "turns": turns,
        "seconds": seconds,
        "rows/s": size / seconds,
        "CPU us a row": median(turn.cpu for turn in ended) / size * 1e6,
        "peak MiB": max(turn.peak for turn in ended),
    }


def _turn(ending: str, size: int, *, job: bool) -> children.Ended:
    """Each turn has a folder of its own: nothing that an earlier one left makes it quicker."""
    with children.folder() as folder:
        path = _write(folder / f"rows{ending}", size)
        asked = source.write_job(path) if job else path
        ended = children.python("-m", "bulkseg", "plan", str(asked), "--json", limit=60 + size / 2_000)
    if (planned := json.loads(ended.output)["specs"]) != size:
        raise RuntimeError(f"{planned} specs were planned of {size}")
    return ended


def _write(path: Path, size: int) -> Path:
    """In a process of its own: what writing takes in memory would count as the command's."""
    children.python("-m", "benchmarks.source", str(path), str(size), limit=60 + size / 2_000)
    return path
