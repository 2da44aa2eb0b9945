"""CSV and TSV, plain or as gzip data -> rows, by the standard library's strict reader."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from bulkseg.errors import InputError
from bulkseg.model import Row
from bulkseg.rows.header import check_header
from bulkseg.rows.lines import read_lines
from bulkseg.rows.place import Report, SourceFile

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Delimited:
    """A file of records: `delimiter` parts the cells, double quotes frame a cell (doubled within it).

    Cells are the text that stands there, nothing is trimmed or converted. A blank line is no row. A row's
    line is the one on which it starts; the header's is usually 1.
    """

    file: SourceFile
    delimiter: str
    packed: bool = False

    def columns(self) -> tuple[str, ...]:
        """The header. Raises InputError where there is none, or none that could be used."""
        with closing(self._records()) as records:
            line, names = next(records, (None, []))
        if not names:
            raise self.file.refused("is empty: a header and at least one row are needed")
        self._check_delimiter(names, line)
        return check_header(names, self.file, line)

    def rows(self, report: Report) -> Iterator[Row]:
        """The rows as they come. A row with too few or too many cells is told to `report` and left out.

        Raises InputError where the file is broken.
        """
        label = self.file.label
        with closing(self._records()) as records:
            _, columns = next(records)
            width = len(columns)
            for line, cells in records:
                if len(cells) == width:
                    yield Row(label, line, dict(zip(columns, cells, strict=True)))
                else:
                    report(self.file.problem(self._ragged(len(cells), width), line))

    def _records(self) -> Generator[tuple[int, list[str]], None, None]:
        with closing(read_lines(self.file, packed=self.packed)) as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            start = 1
            try:
                for cells in reader:
                    if cells:
                        yield start, cells
                    start = reader.line_num + 1
            except csv.Error:
                raise self._broken(start, reader.line_num) from None

    def _check_delimiter(self, names: list[str], line: int | None) -> None:
        used = [mark for mark in _NAMES if len(names) == 1 and mark in names[0] and mark != self.delimiter]
        if used:
            what = (
                f"the header is one cell, {names[0]!r}: it looks separated by {_NAMES[used[0]]}, "
                f"where {_NAMES[self.delimiter]} are expected; save it with {_NAMES[self.delimiter]}"
            )
            raise self.file.refused(what, line)

    def _ragged(self, count: int, width: int) -> str:
        advice = (
            "add what is missing"
            if count < width
            else f"put double quotes around a cell that holds one of the {_NAMES[self.delimiter]}"
        )
        return f"the row has {count} cell{'s'[: count != 1]}, the header has {width}: {advice}"

    def _broken(self, start: int, end: int) -> InputError:
        """Reads the record again that the reader gave up on: the reader does not say where it went wrong."""
        with closing(read_lines(self.file, packed=self.packed)) as lines:
            record = "".join(islice(lines, start - 1, end))
        offset, what = explain(record, self.delimiter, csv.field_size_limit())
        return self.file.refused(what, start + _line_ends(record[:offset]))


def explain(record: str, delimiter: str, limit: int) -> tuple[int, str]:
    """Where in the text of a broken record it went wrong, as an offset, and what to do about it.

    `limit` is how many characters a cell may have.
    """
    quoted = re.compile(rf'(?:\A|{re.escape(delimiter)})("(?:[^"]|"")*)("|\Z)')
    for cell in quoted.finditer(record):
        if not cell[2]:
            return cell.start(1), _no_closing_quote(len(cell[1]), limit)
        if record[cell.end() : cell.end() + 1] not in {delimiter, "\r", "\n", ""}:
            return cell.end(), "text after a closing quote: double the quotes that are part of a cell"
    return 0, f"a cell of the row is longer than {limit:,} characters"


def _no_closing_quote(length: int, limit: int) -> str:
    if length > limit:
        return f"the quote that opens a cell here is not closed within {limit:,} characters: close it"
    return "the quote that opens a cell here is never closed: close it"


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
