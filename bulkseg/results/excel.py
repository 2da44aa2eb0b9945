"""The results as one Excel sheet. Text stays text, whatever it looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, BinaryIO

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES

from bulkseg.results.formula import is_formula
from bulkseg.results.frames import COLUMNS

# Microsoft, "Excel specifications and limits": the rows of a sheet, and the characters of a cell
ROWS = 1_048_576 - 1  # one is the header's
CHARACTERS = 32_767

_CONTROL_PICTURES = 0x2400  # U+2400 stands for NUL, U+2401 for the next one, ...
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ESCAPE = re.compile("_x(?=[0-9A-Fa-f]{4}_)")  # Excel would make a character of it
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")


class SheetFull(Exception):
    """There are more rows than a sheet holds."""


def write_excel(frames: Iterable[pd.DataFrame], out: BinaryIO) -> None:
    """Write one sheet, row by row.

    Raises:
        SheetFull: the rows are too many; nothing has been written to `out`.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("results")
    sheet.freeze_panes = "A2"
    sheet.append(COLUMNS)
    rows = 0
    for frame in frames:
        rows += len(frame)
        if rows > ROWS:
            sheet.close()
            raise SheetFull(f"an Excel sheet holds {ROWS:,} rows, and there are more; use .csv or .parquet")
        for row in frame.itertuples(index=False, name=None):
            sheet.append([_cell(sheet, value) for value in row])
    book.save(out)


def keeps(text: str) -> bool:
    """Whether a cell holds this text to the letter, once it is read again."""
    return readable(text) == text


def readable(text: str) -> str:
    """The text as a cell can hold it: what cannot be held can be seen."""
    return _shortened(_ESCAPE.sub("_ x", _visible(text.replace("\r", "\u240d"))))


def _cell(sheet: Any, value: object) -> object:
    """The value as openpyxl takes it without making a formula or an error of it."""
    if not isinstance(value, str):
        return value
    text = _shortened(_visible(value))
    if not is_formula(text) and text not in ERROR_CODES:
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = True  # or it would become a formula once a person edits the cell
    return cell


def _visible(text: str) -> str:
    """The text with what XML cannot hold as something to see."""
    pictured = _CONTROL.sub(lambda found: chr(_CONTROL_PICTURES + ord(found[0])), text)
    return _NO_CHARACTER.sub("\ufffd", pictured)


def _shortened(text: str) -> str:
    """The text cut to what a cell holds, with a sign that it was."""
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
