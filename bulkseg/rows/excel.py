"""The first sheet of an Excel workbook -> rows, streamed.

openpyxl is used as it is, and not through pandas: pandas would hold the whole sheet in memory, and would
make an error such as #N/A an empty cell.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

from openpyxl import load_workbook

from bulkseg.model import Row
from bulkseg.rows.header import check_header
from bulkseg.rows.place import Report, SourceFile
from bulkseg.rows.typed import Fault, UnfitError, as_text, typed_row

_AT_ONCE = 1000
_CHUNK = 1 << 20

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    LookupError,  # a part of the workbook that is not there
    ValueError,
    TypeError,
    SyntaxError,  # XML that is not well-formed
    NotImplementedError,  # a zip file with a password, or packed in an unusual way
)
"""What openpyxl lets through when the file is no workbook or a damaged one."""

_CONTROL = re.compile("_x00([01][0-9A-Fa-f])_")
"""How a workbook writes a control character, such as the CR of a line break, within a text."""


@dataclass(frozen=True, slots=True)
class Excel:
    """An Excel workbook, of which the first sheet counts. A row's line is its number in the sheet.

    A cell is typed there: what was typed in as 007 may have become the number 7 before bulkseg sees it, so
    ids with leading zeros belong in cells formatted as text. A formula stands for the value it had when the
    workbook was saved. A date without a time of day reads `2026-01-31`. Blank rows at the end of the sheet
    are no rows.
    """

    file: SourceFile

    def columns(self) -> tuple[str, ...]:
        """The first row that is not blank.

        Raises InputError where there is none, or none that could be used.
        """
        with closing(self._records()) as records:
            line, values = next(records, (None, []))
        if not values:
            raise self.file.refused("is empty: the first sheet needs a header and at least one row")
        try:
            names = [as_text(value) for value in values]
        except UnfitError as error:
            raise self.file.refused(f"a cell of the header cannot be read: {error}", line) from None
        return check_header(names, self.file, line)

    def rows(self, report: Report) -> Iterator[Row]:
        """The rows as they come.

        One that is unfit (an error in a cell, a value right of the header's last, a blank row between
        others) is told to `report` and left out. Raises InputError where the file is broken.
        """
        with closing(self._records()) as records:
            last, header = next(records)
            columns = [as_text(value) for value in header]
            for line, values in records:
                if line != last + 1:
                    report(self.file.problem("a blank row between others: delete it", last + 1))
                last = line
                if row := self._row(line, columns, values, report):
                    yield row

    def _row(self, line: int, columns: list[str], values: list[object], report: Report) -> Row | None:
        missing = len(columns) - len(values)
        if missing < 0:
            what = f"the row has a value in column {len(values)}, the header ends at column {len(columns)}"
            report(self.file.problem(f"{what}: give it a header, or take it out", line))
            return None
        return typed_row(self.file, line, columns, [*values, *repeat(None, missing)], report)

    def _records(self) -> Generator[tuple[int, list[object]], None, None]:
        """Line and values of each row that is not blank, up to its last cell that is filled."""
        with closing(self._results()) as results:
            for line, cells in enumerate(results, 1):
                values = [_value(cell) for cell in cells]
                while values and values[-1] in {None, ""}:
                    values.pop()
                if values:
                    yield line, values

    def _results(self) -> Generator[Sequence[Any], None, None]:
        """The cells of each row; a formula that has no result yet is a Fault.

        openpyxl gives either results or formulas, and an empty cell for a result that is not there.
        """
        if not self._has_formulas():
            yield from self._cells(results=True)
            return
        both = zip(self._cells(results=True), self._cells(results=False), strict=True)
        for cells, written in both:
            yield [
                _NOT_CALCULATED if _lacks_result(cell, formula) else cell
                for cell, formula in zip(cells, written, strict=True)
            ]

    def _cells(self, *, results: bool) -> Iterator[Sequence[Any]]:
        with self.file.open() as stream:
            with self._guarded():
                sheet = load_workbook(stream, read_only=True, data_only=results, keep_links=False).worksheets[
                    0
                ]
                # The size that a sheet states is often wrong, and would cut rows off.
                sheet.reset_dimensions()
                rows = sheet.iter_rows()
            more = True
            while more:
                with self._guarded():
                    chunk = list(islice(rows, _AT_ONCE))
                yield from chunk
                more = bool(chunk)

    def _has_formulas(self) -> bool:
        with self._guarded(), self.file.open() as stream, zipfile.ZipFile(stream) as archive:
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
            return any(_mentions(archive, name, b"<f") for name in sheets)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        # openpyxl warns of parts of a workbook that it leaves out (charts, styles): no concern of a reader's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                yield
            except _BROKEN as error:
                what = f"is no sound .xlsx workbook, or has a password ({error}): save it again in Excel"
                raise self.file.refused(what) from None


@dataclass(frozen=True, slots=True)
class _Cell:
    value: object
    data_type: str


_NOT_CALCULATED = _Cell(Fault("a formula without a result: open the workbook in Excel and save it"), "n")


def _lacks_result(cell: Any, formula: Any) -> bool:
    # A result that is an empty text is no result for openpyxl, but leaves the type "str" behind.
    return formula.data_type == "f" and cell.value is None and cell.data_type != "str"


def _value(cell: Any) -> object:
    value: object = cell.value
    if cell.data_type == "e":
        return Fault(f"the cell holds the error {value}: mend it")
    if isinstance(value, str) and "_x00" in value:
        return _CONTROL.sub(lambda found: chr(int(found[1], 16)), value)
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    return value


def _mentions(archive: zipfile.ZipFile, name: str, what: bytes) -> bool:
    end = b""
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK):
            if what in end + chunk:
                return True
            end = chunk[1 - len(what) :]
    return False
