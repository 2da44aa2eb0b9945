# ruff: noqa: D102  - the protocol's docstring says what its properties are
"""The columns of the results, and rows in pandas frames of them: text, numbers and nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

_BATCH = 2_000


class ResultRow(Protocol):
    """One spec with what became of it.

    Times are Unix seconds; None stands for what is not known, or was not needed.
    """

    @property
    def key(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def source_id(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def segment_id(self) -> str | None: ...
    @property
    def http_status(self) -> int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def warning(self) -> str | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def reconciled(self) -> bool: ...
    @property
    def source(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def sent_at(self) -> float | None: ...
    @property
    def done_at(self) -> float | None: ...
    @property
    def run(self) -> int | None: ...


SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("template", pa.string()),
        ("action", pa.string()),
        ("name", pa.string()),
        ("source_id", pa.string()),
        ("state", pa.string()),
        ("segment_id", pa.string()),
        ("http_status", pa.int64()),
        ("error", pa.string()),
        ("warning", pa.string()),
        ("attempts", pa.int64()),
        ("reconciled", pa.bool_()),
        ("source", pa.string()),
        ("line", pa.int64()),
        ("request_id", pa.string()),
        ("sent_at", pa.string()),
        ("done_at", pa.string()),
        ("run", pa.int64()),
    ]
)

COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)
"""The columns, in the order that every format has them in."""

TEXT: tuple[str, ...] = tuple(field.name for field in SCHEMA if field.type == pa.string())
"""Those that hold text: ids and times too."""

_TIMES = ("sent_at", "done_at")
_DTYPES = {pa.string(): "string", pa.int64(): "Int64", pa.bool_(): "bool"}
_values: Callable[[ResultRow], tuple[Any, ...]] = attrgetter(*COLUMNS)


def in_frames(rows: Iterable[ResultRow]) -> Iterator[pd.DataFrame]:
    """Batches of rows: times as ISO 8601 in UTC, empty text as null. There is one at least, maybe empty."""
    source = iter(rows)
    batch = list(islice(source, _BATCH))
    yield _frame(batch)
    while batch := list(islice(source, _BATCH)):
        yield _frame(batch)


def whole_frame(rows: Iterable[ResultRow]) -> pd.DataFrame:
    """All rows in one frame, with types to reckon with: times in UTC, whole numbers that may be missing."""
    frame = pd.concat(in_frames(rows), ignore_index=True)
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=True).dt.as_unit("ms")
    return frame.astype({field.name: _DTYPES[field.type] for field in SCHEMA if field.name not in _TIMES})


def change(frame: pd.DataFrame, columns: Iterable[str], how: Callable[[Any], object]) -> None:
    """Replace each cell of the columns, in place. The cells stay Python objects."""
    for name in columns:
        frame[name] = pd.Series([how(cell) for cell in frame[name]], dtype=object)


def _frame(batch: list[ResultRow]) -> pd.DataFrame:
    # dtype object: pandas makes floats of integers that have a null among them
    frame = pd.DataFrame([_values(row) for row in batch], columns=list(COLUMNS), dtype=object)
    change(frame, _TIMES, _utc)
    change(frame, TEXT, _text)
    return frame


def _utc(at: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: str | None) -> str | None:
    """Plain text (a StrEnum is text too, but not to every writer), or null where there is none."""
    return None if not value else str(value)
