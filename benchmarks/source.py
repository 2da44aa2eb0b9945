"""The rows that the benchmarks are run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_COUNTRIES = ("Åland Islands", "Brazil", "Côte d'Ivoire", "Germany", "Namibia", "Türkiye", "Viet Nam")


def names(rows: int) -> Iterator[str]:
    """So many names, each of them once."""
    for number in range(rows):
        yield f"{_COUNTRIES[number % len(_COUNTRIES)]} customers {number:07}"


def write(path: Path, rows: int) -> Path:
    """A CSV file of so many segments to create, which is a job without a job file."""
    with path.open("w", encoding="utf-8") as lines:
        lines.write("name,description\n")
        lines.writelines(f"{name},made by a benchmark\n" for name in names(rows))
    return path
