"""What a benchmark found, as a table for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path("build/benchmarks")


@dataclass(frozen=True, slots=True)
class Budget:
    """One thing that has to hold, in words with its figure, and whether it does."""

    what: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A title that says what was measured, rows that all have the same columns, and the budgets."""

    title: str
    rows: Sequence[Mapping[str, float | str]]
    budgets: Sequence[Budget] = ()


def show(report: Report) -> None:
    """Print the table, and a line for each budget."""
    cells = [list(report.rows[0]), *([_text(value) for value in row.values()] for row in report.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(report.title)
    for row in cells:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    for budget in report.budgets:
        print(f"  {'kept  ' if budget.kept else 'MISSED'}  {budget.what}")


def keep(name: str, report: Report, machine: Mapping[str, object]) -> Path:
    """Write the figures where the next look finds them; give the place."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **asdict(report)}, indent=2) + "\n", encoding="utf-8")
    return path


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:,.3f}"
