"""What it costs to read and check a source: `bulkseg plan` of CSV files of up to a million rows."""

from __future__ import annotations

import json
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report

SIZES = (10_000, 100_000, 1_000_000)
LARGE = 1_000_000  # the size that the budgets are for
ROWS_A_SECOND = 10_000
PEAK_MIB = 350


def measure(turns: int) -> Report:
    """Rows a second and peak memory of the whole command, its start included."""
    rows = [_measure(size, turns if size < LARGE else min(turns, 2)) for size in SIZES]
    speed, peak = rows[-1]["rows/s"], rows[-1]["peak MiB"]
    return Report(
        "loader: bulkseg plan of a CSV file",
        rows,
        [
            Budget(
                f"a million rows at {speed:,.0f} rows a second, above {ROWS_A_SECOND:,}",
                speed > ROWS_A_SECOND,
            ),
            Budget(f"a million rows in {peak:.0f} MiB, under {PEAK_MIB}", peak < PEAK_MIB),
        ],
    )


def _measure(size: int, turns: int) -> dict[str, float]:
    ended = [_turn(size) for _ in range(turns)]
    seconds = median(turn.seconds for turn in ended)
    return {
        "rows": size,
        "turns": turns,
        "seconds": seconds,
        "rows/s": size / seconds,
        "peak MiB": max(turn.peak for turn in ended),
    }


def _turn(size: int) -> children.Ended:
    """Each turn has a folder of its own: nothing that an earlier one left makes it quicker."""
    with children.folder() as folder:
        path = source.write(folder / "rows.csv", size)
        ended = children.python("-m", "bulkseg", "plan", str(path), "--json", limit=60 + size / 2_000)
    if (planned := json.loads(ended.output)["specs"]) != size:
        raise RuntimeError(f"{planned} specs were planned of {size}")
    return ended
