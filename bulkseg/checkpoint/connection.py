"""What the shared queries ask of a connection, whichever database it leads to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """The rows of a query."""

    @property
    def rowcount(self) -> int:
        """How many rows a statement has changed."""

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""

    def fetchall(self) -> list[Any]:
        """All that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Likewise, one at a time."""


class Connection(Protocol):
    """Takes queries as SQLite has them."""

    def execute(self, query: str, values: Values = (), /) -> Cursor:
        """Run one statement; `values` stand for its `?`, or for its `:name`."""

    def executemany(self, query: str, rows: Iterable[Values], /) -> Cursor:
        """Run one statement for each of the rows."""

    def close(self) -> None:
        """End it."""
