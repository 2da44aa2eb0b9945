"""The columns of a data file and its first rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bulkseg.errors import InputError, Problem
from bulkseg.job.templates import RESERVED
from bulkseg.rows import open_source

# So many rows are looked at: enough to see which columns tell rows apart, and read in a moment.
ROWS = 2000


@dataclass(frozen=True, slots=True)
class Head:
    """The columns, and the cells of the first rows by column."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


def read_head(data: Path) -> Head:
    """Reads the beginning of `data`. Rows that are wrong are left to `plan`, which tells all of them.

    Raises:
        InputError: the file cannot be read, or has a column that templates could not name.
    """
    with closing(open_source([data.name], data.parent)) as source:
        for name in RESERVED:
            if name in source.columns:
                what = "is a name that bulkseg gives to templates itself; rename the column"
                raise InputError(Problem(str(data), what, column=name))
        first = next(source.batches(ROWS, problem=_pass_over), [])
        return Head(source.columns, tuple(row.cells for row in first))


def _pass_over(problem: object) -> None:
    """What is wrong with a row is not asked about here."""
