"""Writes what became of each spec as CSV, Parquet, JSON Lines or Excel, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from bulkseg.errors import InputError, Problem
from bulkseg.results.bodies import bodies_file
from bulkseg.results.excel import SheetFull, write_excel
from bulkseg.results.frames import COLUMNS, ResultRow, in_frames, whole_frame
from bulkseg.results.plain import write_csv, write_jsonl, write_parquet
from bulkseg.results.sheet import harmless, write_sheet, write_sheet_stream
from bulkseg.results.whole import written_whole

__all__ = [
    "COLUMNS",
    "ResultRow",
    "bodies_file",
    "format_of",
    "harmless",
    "whole_frame",
    "write_results",
    "write_sheet",
    "write_sheet_stream",
    "write_stream",
    "written_whole",
]

_WRITERS = {"csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl, "xlsx": write_excel}


def write_results(rows: Iterable[ResultRow], path: Path) -> int:
    """Write the rows to `path` in the format of its ending, replacing what is there; give their number.

    Raises:
        InputError: the ending is not known, the place cannot be written, or Excel cannot hold that many
            rows. What stood at `path` before is then still there.
    """
    kind = format_of(path)
    with written_whole(path) as out:
        return write_stream(rows, out, kind, label=str(path))


def write_stream(
    rows: Iterable[ResultRow], out: BinaryIO, kind: str = "csv", *, label: str = "standard output"
) -> int:
    """Write the rows to a binary stream in the format that `kind` names; give their number.

    Raises:
        InputError: Excel cannot hold that many rows; `label` is what the message calls the stream.
    """
    counted = _Counted(in_frames(rows))
    try:
        _WRITERS[kind](counted, out)
    except SheetFull as full:
        raise InputError(Problem(label, str(full))) from None
    return counted.rows


def format_of(path: Path) -> str:
    """The format that a file's ending asks for, whatever its case: `csv`, `parquet`, `jsonl` or `xlsx`.

    Raises:
        InputError: it is none of these.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind in _WRITERS:
        return kind
    what = f"the ending {path.suffix} is no format that is known" if kind else "the name has no ending"
    known = ", ".join(f".{name}" for name in _WRITERS)
    raise InputError(Problem(str(path), f"{what}; the format goes by the ending: use one of {known}"))


class _Counted:
    """Frames, and how many rows have gone by in them."""

    def __init__(self, source: Iterator[pd.DataFrame]) -> None:
        self.rows = 0
        self._source = source

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for frame in self._source:
            self.rows += len(frame)
            yield frame
