"""The source of a job as a whole: its files, their columns, and their rows in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from itertools import islice
from typing import BinaryIO, Protocol

from bulkseg.errors import InputError, Problem
from bulkseg.model import Row
from bulkseg.remote import Place
from bulkseg.rows.delimited import Delimited
from bulkseg.rows.header import check_same
from bulkseg.rows.place import STDIN, Report, SourceFile, find_files


class Table(Protocol):
    """One file of the source, as its format reads it."""

    @property
    def file(self) -> SourceFile:
        """Where it lies."""

    def columns(self) -> tuple[str, ...]:
        """Its header, checked. Raises InputError."""

    def rows(self, report: Report) -> Iterator[Row]:
        """Its rows; each that is unfit is told to `report` and left out. Raises InputError."""


def open_source(paths: Sequence[str], base: Place, *, stdin: BinaryIO | None = None) -> Source:
    """Opens the files of `paths` (relative to `base`; globs; URLs; `-`: CSV of `stdin`), reads their headers.

    The format goes by a file's ending: .csv, .tsv, these with .gz, .parquet, .xlsx. Several files need the
    same columns. To be closed after use. Raises InputError with what is wrong in all of the files.
    """
    with ExitStack() as held:
        tables: list[tuple[Table, tuple[str, ...]]] = []
        problems: list[Problem] = []
        for file in find_files(paths, base, stdin, held):
            try:
                table = _table(file)
                columns = table.columns()
                if tables:
                    check_same(tables[0][0].file, tables[0][1], file, columns)
                tables.append((table, columns))
            except InputError as error:
                problems += error.problems
        if not (tables or problems):
            problems = [Problem(str(base), "the source names no file: give it a path")]
        if problems:
            raise InputError(problems)
        return Source([table for table, _ in tables], tables[0][1], held.pop_all())


class Source:
    """The rows of one or several files with the same columns, as often as they are asked for.

    `columns` are the first file's; `files` the files' labels, as the job names them, in order.
    """

    def __init__(self, tables: Sequence[Table], columns: tuple[str, ...], held: ExitStack) -> None:
        self._tables = tuple(tables)
        self._held = held
        self._display = {table.file.label: table.file.display for table in tables}
        self.columns = columns
        self.files = tuple(self._display)

    @cached_property
    def fingerprint(self) -> str:
        """Stands for the names and contents of all files, not their times. Reads them whole, once."""
        whole = hashlib.blake2b(digest_size=16)
        for table in self._tables:
            with table.file.open() as stream:
                content = hashlib.file_digest(stream, "blake2b")
            whole.update(f"{table.file.label}\0{content.hexdigest()}\n".encode())
        return whole.hexdigest()

    def display(self, file: str) -> str:
        """A row's `file` -> a name that a person can open."""
        return self._display[file]

    def batches(
        self, size: int = 2000, problem: Callable[[Problem], None] | None = None
    ) -> Iterator[list[Row]]:
        """All rows in order, in lists of `size` (the last may be shorter); each call begins anew.

        A row that is unfit (too few cells, too many, a value that has no text) is told to `problem` and left
        out; without it the first one raises. Raises InputError for a file that is broken or has no rows, too.
        """
        rows = self._rows(problem or _refuse)
        while batch := list(islice(rows, size)):
            yield batch

    def close(self) -> None:
        """Lets go of what stdin gave, and of what was brought from elsewhere."""
        self._held.close()

    def _rows(self, report: Report) -> Iterator[Row]:
        for table in self._tables:
            told = _Told(report)
            row = None
            for row in table.rows(told):
                yield row
            if row is None and not told.any:
                raise table.file.refused("has a header and no rows: there is nothing to do")


class _Told:
    """Passes problems on, and remembers that there were any."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.any = False

    def __call__(self, problem: Problem) -> None:
        self.any = True
        self._report(problem)


def _refuse(problem: Problem) -> None:
    raise InputError(problem)


def _table(file: SourceFile) -> Table:
    name = "stdin.csv" if file.label == STDIN else file.label.lower()
    for ending, make in _FORMATS.items():
        if name.endswith(ending):
            return make(file)
    raise file.refused(
        f"its ending says no format that can be read: it has to be one of {', '.join(_FORMATS)}"
    )


def _parquet(file: SourceFile) -> Table:
    from bulkseg.rows.parquet import Parquet  # noqa: PLC0415  # 40 MiB that a CSV does not need

    return Parquet(file)


def _excel(file: SourceFile) -> Table:
    from bulkseg.rows.excel import Excel  # noqa: PLC0415  # likewise

    return Excel(file)


_FORMATS: dict[str, Callable[[SourceFile], Table]] = {
    ".csv": partial(Delimited, delimiter=","),
    ".csv.gz": partial(Delimited, delimiter=",", packed=True),
    ".tsv": partial(Delimited, delimiter="\t"),
    ".tsv.gz": partial(Delimited, delimiter="\t", packed=True),
    ".parquet": _parquet,
    ".xlsx": _excel,
}
