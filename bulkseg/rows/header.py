"""The header of a file: what a column may be called, and that the files of a source have the same columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bulkseg.errors import InputError, Problem
from bulkseg.rows.place import SourceFile


def check_header(names: Sequence[str], file: SourceFile, line: int | None) -> tuple[str, ...]:
    """`names` as they are. Raises InputError with all that are empty, framed by blanks, or there twice."""
    if problems := list(_problems(names, file, line)):
        raise InputError(problems)
    return tuple(names)


def check_same(first: SourceFile, columns: Sequence[str], file: SourceFile, others: Sequence[str]) -> None:
    """Raises InputError where `file` has not the columns of the `first` one; their order does not matter."""
    missing = [name for name in columns if name not in others]
    more = [name for name in others if name not in columns]
    if missing or more:
        parts = [f"has no column {', '.join(missing)}"] if missing else []
        parts += [f"has a column {', '.join(more)} of its own"] if more else []
        what = f"{' and '.join(parts)}, unlike {first.display}: all files of a source need the same columns"
        raise file.refused(what)


def _problems(names: Sequence[str], file: SourceFile, line: int | None) -> Iterator[Problem]:
    places: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names, 1):
        places[name].append(number)
        if not name.strip():
            what = f"column {number} of the header has no name: name it, or take the column out"
            yield file.problem(what, line)
        elif name != name.strip():
            yield file.problem(f"the header {name!r} has blanks around it: take them out", line, name.strip())
    for name, numbers in places.items():
        if name.strip() and len(numbers) > 1:
            listed = " and ".join(map(str, numbers))
            yield file.problem(f"this header comes twice, in columns {listed}: rename one", line, name)
