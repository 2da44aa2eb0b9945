"""Which columns name a segment, and which tell its row apart from run to run: guessed from the first rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bulkseg import names
from bulkseg.starter.head import Head

_NAME = re.compile(r"name|title|segment|campaign|label", re.IGNORECASE)
_KEY = re.compile(r"(^|[^a-z])(key|id|code|number|no|nr)([^a-z]|$)|[a-z](Id|Code|Key)$", re.IGNORECASE)
# They say what else a segment is made of, not which one it is.
_NO_KEY = re.compile(r"source|template|folder", re.IGNORECASE)
_TOGETHER = 3
_LOOKED_AT = 8  # columns that are tried together: the number of ways grows fast


@dataclass(frozen=True, slots=True)
class Guess:
    """`name` are the columns whose cells, with a blank between them, name the segment.

    They are none where nothing tells the rows apart. `key` are the columns of the key; none: the name.
    """

    name: tuple[str, ...]
    key: tuple[str, ...]


def guess(head: Head) -> Guess:
    """The likeliest columns of all that would do."""
    name = next((some for some in _likely(head.columns) if names_rows(head, some)), ())
    return Guess(name, _key(head, name))


def names_rows(head: Head, columns: Sequence[str]) -> bool:
    """Whether these columns give every row a name that can be one, and no two the same."""
    made = [" ".join(row[column] for column in columns) for row in head.rows]
    sound = all(names.flaw(name) is None for name in made)
    return sound and len({names.fold(name) for name in made}) == len(made)


def tells_apart(head: Head, columns: Sequence[str]) -> bool:
    """Whether every row has something in these columns, and no two the same."""
    made = [tuple(row[column] for column in columns) for row in head.rows]
    return all(map(all, made)) and len(set(made)) == len(made)


def _likely(columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """One column before two, what is called a name before what is not, else in the order of the file."""
    ordered = sorted(columns, key=_unlikeliness)
    for column in ordered:
        yield (column,)
    for count in range(2, _TOGETHER + 1):
        yield from combinations(ordered[:_LOOKED_AT], count)


def _unlikeliness(column: str) -> int:
    plain = re.sub(r"[\W_]+", "", column).casefold()
    if plain in {"name", "segmentname"}:
        return 0
    if _KEY.search(column) or _NO_KEY.search(column):
        return 3
    return 1 if _NAME.search(column) else 2


def _key(head: Head, name: tuple[str, ...]) -> tuple[str, ...]:
    """A column that is called one and is one; else what makes the name up."""
    for column in head.columns:
        called = _KEY.search(column) and not _NO_KEY.search(column)
        if called and tells_apart(head, (column,)):
            return (column,)
    return name if len(name) > 1 and tells_apart(head, name) else ()
