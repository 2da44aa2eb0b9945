"""Shows where in a text file something is wrong: the line that is meant, and a caret under the cell."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

from rich.cells import cell_len, set_cell_size

from bulkseg.errors import BulksegError, InputError, Problem
from bulkseg.progress.words import on_one_line
from bulkseg.remote import place_of

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
# Characters of a line that are looked at, and the columns that stand before the cell where it is far right.
_LONGEST, _BEFORE = 20_000, 20
_INDENT = "  | "


def pointed(error: InputError, width: int) -> Iterator[str]:
    """The error's lines; each that has its place in a text file is followed by that line and a caret.

    `width` is the terminal's.
    """
    seen = _lines_of(error.problems)
    told = error.lines()
    for problem, words in zip(error.problems, told, strict=False):
        yield words
        text = seen.get((problem.file, problem.line))
        if text is not None:
            header = seen[problem.file, 1]
            yield from _excerpt(text, _span(problem, header, text), width - len(_INDENT))
    yield from told[len(error.problems) :]


def _lines_of(problems: Iterable[Problem]) -> dict[tuple[str, int | None], str]:
    """The lines that are meant, and each file's header; a file is read once, up to the last of them."""
    wanted: dict[str, set[int]] = {}
    for problem in problems:
        if problem.line is not None and _delimiter(problem.file) is not None:
            wanted.setdefault(problem.file, {1}).add(problem.line)
    found: dict[tuple[str, int | None], str] = {}
    for file, numbers in wanted.items():
        with suppress(OSError, BulksegError), _opened(file) as lines:
            read = ((file, number) for number in range(1, max(numbers) + 1))
            found |= {place: line for place, line in zip(read, lines, strict=False) if place[1] in numbers}
    return {place: line.rstrip("\n")[:_LONGEST] for place, line in found.items()}


def _opened(file: str) -> TextIO:
    place = place_of(file)
    if isinstance(place, Path):
        return place.open(encoding="utf-8-sig", errors="replace")
    # Its copy is gone by now. What is large is not brought here once more for this.
    return io.TextIOWrapper(io.BytesIO(place.read_bytes()), encoding="utf-8-sig", errors="replace")


def _delimiter(file: str) -> str | None:
    return _DELIMITERS.get(Path(file).suffix.lower())


def _span(problem: Problem, header: str, text: str) -> tuple[int, int] | None:
    """Where the cell begins and ends in its line; None where none is meant, or it is not on that line."""
    delimiter = _delimiter(problem.file) or ","
    names = [header[start:end].strip('"').replace('""', '"') for start, end in _cells(header, delimiter)]
    if problem.column not in names:
        return None
    return next(islice(_cells(text, delimiter), names.index(problem.column), None), None)


def _cells(line: str, delimiter: str) -> Iterator[tuple[int, int]]:
    mark = re.escape(delimiter)
    cell = re.compile(rf'"(?:[^"]|"")*"?[^{mark}]*|[^{mark}]*')
    at = 0
    while at <= len(line) and (found := cell.match(line, at)) is not None:
        yield found.span()
        at = found.end() + 1


def _excerpt(text: str, span: tuple[int, int] | None, width: int) -> Iterator[str]:
    """The line, as much of it as there is room for, and the caret under the cell."""
    start, end = span or (0, 0)
    cut = 0 if cell_len(on_one_line(text[:end])) < width else max(0, start - _BEFORE)
    before = ("…" if cut else "") + on_one_line(text[cut:start])
    shown = before + on_one_line(text[start:])
    yield _INDENT + (shown if cell_len(shown) <= width else set_cell_size(shown, width - 1).rstrip() + "…")
    if span is not None:
        room = max(1, width - cell_len(before))
        yield (
            " " * len(_INDENT)
            + " " * cell_len(before)
            + "^" * min(room, max(1, cell_len(on_one_line(text[start:end]))))
        )
