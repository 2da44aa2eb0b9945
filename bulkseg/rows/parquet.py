"""Parquet -> rows, a few thousand at a time, however large the file's row groups are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bulkseg.errors import InputError
from bulkseg.model import Row
from bulkseg.rows.header import check_header
from bulkseg.rows.place import Report, SourceFile
from bulkseg.rows.typed import typed_row

_AT_ONCE = 4096
_BUFFER = 1 << 20
"""In bytes, for each column: without it a column of a row group would be read whole."""

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_PLAIN = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_time,
    pa.types.is_null,
)


@dataclass(frozen=True, slots=True)
class Parquet:
    """A Parquet file. A row's line is its number in the file, from 1; `typed.py` says how values read."""

    file: SourceFile

    def columns(self) -> tuple[str, ...]:
        """The columns, without an index that pandas has put among them.

        Raises InputError for a file that is no sound Parquet, and for types that have no text.
        """
        with self._opened() as parquet:
            fields = _fields(parquet)
        names = check_header([field.name for field in fields], self.file, None)
        unfit = [field for field in fields if not _has_text(field.type)]
        if unfit:
            raise InputError([self._unfit(field) for field in unfit])
        return names

    def rows(self, report: Report) -> Iterator[Row]:
        """The rows as they come. A row with a value that has no exact text is told to `report` and left out.

        Raises InputError where the file is broken.
        """
        with self._opened() as parquet:
            columns = [field.name for field in _fields(parquet)]
            for line, record in enumerate(self._records(parquet, columns), 1):
                if row := typed_row(self.file, line, columns, record, report):
                    yield row

    def _records(self, parquet: Any, columns: list[str]) -> Iterator[tuple[object, ...]]:
        line = 1
        for batch in parquet.iter_batches(_AT_ONCE, columns=columns, use_threads=False):
            yield from zip(*(self._values(batch.column(name), name, line) for name in columns), strict=True)
            line += batch.num_rows

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with self.file.open() as stream:
            if not stream.peek(1):
                raise self.file.refused("is empty: a Parquet file with at least one row is needed")
            try:
                with pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER) as parquet:
                    yield parquet
            except (pa.ArrowException, OSError) as error:
                what = f"is no sound Parquet file, or only a part of one ({error}): write it again"
                raise self.file.refused(what) from None

    def _values(self, column: Any, name: str, line: int) -> list[object]:
        # Taken to a float of 64 bits as it is, 7.1 in 32 bits would read 7.099999904632568.
        if pa.types.is_floating(column.type) and column.type.bit_width < pa.float64().bit_width:
            column = column.cast(pa.string()).cast(pa.float64())
        try:
            values: list[object] = column.to_pylist()
        except ValueError as error:
            last = line + len(column) - 1
            what = f"a value in the rows from this one to {last} cannot be read ({error}): write it as text"
            raise self.file.refused(what, line, name) from None
        return values

    def _unfit(self, field: Any) -> Any:
        what = f"values of the type {field.type} have no text: write the column as text, or leave it out"
        return self.file.problem(what, None, field.name)


def _fields(parquet: Any) -> list[Any]:
    return [field for field in parquet.schema_arrow if not _PANDAS_INDEX.fullmatch(field.name)]


def _has_text(kind: Any) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_plain(value) for is_plain in _PLAIN)
