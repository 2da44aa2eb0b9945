"""Writes rows of a source back as they were, with columns added: CSV, or one Excel sheet.

Their text is kept to the letter, formulas too: it is the owner's own, and a key that changes is another key.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from bulkseg.errors import InputError, Problem
from bulkseg.results.excel import ROWS, keeps, readable
from bulkseg.results.formula import is_formula
from bulkseg.results.whole import written_whole

Lines = Iterable[Sequence[str]]


def write_sheet(columns: Sequence[str], lines: Lines, path: Path) -> int:
    """Writes a header and lines to a .csv or .xlsx, replacing what is there; gives the number of lines.

    Raises:
        InputError: another ending; a place that cannot be written; more lines or other text than Excel holds.
            What stood at `path` before is then still there.
    """
    kind = path.suffix.lower()
    if kind not in {".csv", ".xlsx"}:
        what = f"the ending {kind or '(none)'} is not for rows of a source: write a .csv or an .xlsx"
        raise InputError(Problem(str(path), what))
    with written_whole(path) as out:
        if kind == ".csv":
            return write_sheet_stream(columns, lines, out)
        return _write_excel(columns, lines, out, str(path))


def write_sheet_stream(columns: Sequence[str], lines: Lines, out: BinaryIO) -> int:
    """Writes them to a binary stream as CSV in UTF-8; gives the number of lines."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        number = 0
        for number, line in enumerate(lines, 1):  # noqa: B007  # the last one is their number
            writer.writerow(line)
        return number
    finally:
        text.detach()  # or it would close the stream, which is its owner's


def harmless(text: str) -> str:
    """Words from outside as a cell of a CSV or a sheet can hold them, none that runs as a formula."""
    shown = readable(text)
    return f"'{shown}" if is_formula(shown) else shown


def _write_excel(columns: Sequence[str], lines: Lines, out: BinaryIO, label: str) -> int:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    sheet.freeze_panes = "A2"
    number = -1
    try:
        for number, line in enumerate(_within(columns, lines, label)):
            sheet.append([_cell(sheet, *named, number, label) for named in zip(columns, line, strict=True)])
    except Exception:
        sheet.close()
        raise
    book.save(out)
    return number


def _within(columns: Sequence[str], lines: Lines, label: str) -> Iterator[Sequence[str]]:
    """The header and the lines, no more than a sheet holds."""
    yield columns
    for number, line in enumerate(lines):
        if number == ROWS:
            raise InputError(Problem(label, f"an Excel sheet holds {ROWS:,} rows: write a .csv"))
        yield line


def _cell(sheet: Any, column: str, text: str, number: int, label: str) -> WriteOnlyCell:
    """As text, whatever it looks like: 007 stays 007, and = starts no formula."""
    if not keeps(text):
        what = "Excel cannot keep the text of this cell as it is: write a .csv"
        raise InputError(Problem(label, what, number + 1, column))
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = text.startswith("=")
    return cell
