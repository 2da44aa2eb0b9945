"""Cells that come with a type (Parquet, Excel) -> text, the one way of writing each value."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bulkseg.model import Row
from bulkseg.rows.place import Report, SourceFile

_EXACT = 2**53
"""Whole numbers above this one are rounded when they are kept as a float."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands in the place of a value that cannot be had, and says why."""

    what: str


class UnfitError(ValueError):
    """A value that has no text; the message says why, and what to do."""


def as_text(value: object) -> str:
    """The text of a typed value.

    Nothing (null, NaN) is an empty text; booleans are `true` and `false`; dates and times are ISO 8601. A
    float that is whole is written without its fraction, 7.0 as `7`: a column of ids with a gap in it
    becomes a column of floats in pandas and in Excel. Raises UnfitError for anything else.
    """
    match value:
        case str() | None:
            return value or ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float_text(value)
        case Decimal():
            return f"{value:f}"
        case dt.date() | dt.time():
            return value.isoformat()
        case Fault():
            raise UnfitError(value.what)
    raise UnfitError(f"a value of type {type(value).__name__} has no text here: write it as text")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ""
    if abs(value) > _EXACT:
        raise UnfitError(f"the number {value!r} is too large to be exact: store it as text")
    return str(int(value)) if value.is_integer() else repr(value)


def typed_row(
    file: SourceFile, line: int, columns: Sequence[str], values: Sequence[object], report: Report
) -> Row | None:
    """The row of these values, one for each column; or None where one is unfit, once `report` was told."""
    try:
        cells = [value if type(value) is str else as_text(value) for value in values]
    except UnfitError:
        for column, value in zip(columns, values, strict=True):
            try:
                as_text(value)
            except UnfitError as error:
                report(file.problem(str(error), line, column))
        return None
    return Row(file.label, line, dict(zip(columns, cells, strict=True)))
