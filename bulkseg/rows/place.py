"""Which files a source consists of: paths, globs, URLs and stdin -> files to be opened again and again."""

from __future__ import annotations

import glob
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO, NoReturn

from bulkseg.errors import InputError, Problem
from bulkseg.remote import Place, Url, is_url, joined
from bulkseg.rows.spool import Stream, spool

STDIN = "-"
# What the files of one source that lie elsewhere may come to, in bytes.
LARGEST = 8 << 30

Report = Callable[[Problem], None]
"""What a row that cannot be read is told to; the row is then left out."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the source: `label` as the job names it, `display` as a person can open it."""

    label: str
    display: str
    reader: Callable[[], io.BufferedReader]

    def open(self) -> io.BufferedReader:
        """The file's bytes from their beginning. Raises InputError where it cannot be opened."""
        try:
            return self.reader()
        except OSError as error:
            raise self.unreadable(error) from None

    def problem(self, what: str, line: int | None = None, column: str | None = None) -> Problem:
        """That something is wrong in this file."""
        return Problem(self.display, what, line, column)

    def refused(self, what: str, line: int | None = None, column: str | None = None) -> InputError:
        """The error for a file of which nothing more can be read."""
        return InputError(self.problem(what, line, column))

    def unreadable(self, error: OSError, line: int | None = None) -> InputError:
        """What the operating system said, in words."""
        match error:
            case FileNotFoundError():
                return self.refused("does not exist: check the path (those in a job file are relative to it)")
            case IsADirectoryError():
                return self.refused(
                    f"is a directory: name a file in it, or a glob such as {self.display}/*.csv"
                )
            case PermissionError():
                return self.refused("may not be read by this user: check its permissions")
            case _:
                return self.refused(f"cannot be read: {error.strerror or error}", line)


def find_files(
    paths: Sequence[str], base: Place, stdin: BinaryIO | None, held: ExitStack
) -> tuple[SourceFile, ...]:
    """The files of `paths` in order, each once: a glob's are sorted; `-` is stdin.

    Relative paths start at `base`. What stdin gave, and what lies elsewhere, is kept in temporary files,
    which closing `held` removes. Raises InputError for a glob that nothing matches, stdin that cannot be
    kept, or a name that may not be used there.
    """
    brought = _Brought(held)
    return tuple(_file(label, base, stdin, held, brought) for label in labels_of(paths, base))


def labels_of(paths: Sequence[str], base: Place) -> list[str]:
    """What the job calls each of these files; the same as in `find_files`, which raises the same."""
    return list(dict.fromkeys(label for path in paths for label in _labels(path, base)))


def _labels(path: str, base: Place) -> Iterator[str]:
    # A file that is really called "data [1].csv" is meant, though its name would do as a glob.
    place = None if path == STDIN else joined(base, path)
    if place is None or not glob.has_magic(path) or _is_there(place):
        yield path
    elif isinstance(place, Url):
        relative = base if isinstance(base, Url) and not is_url(path) else None
        for found in _matching(place):
            yield str(found) if relative is None else found.seen_from(relative)
    else:
        yield from _globbed(str(place) if is_url(path) else path, base)


def _is_there(place: Place) -> bool:
    try:
        return place.exists()
    except OSError:
        return False


def _matching(place: Url) -> list[Url]:
    try:
        found = place.matching()
    except OSError as error:
        raise InputError(Problem(str(place), f"cannot be looked for: {error.strerror or error}")) from None
    return found or _none_matches(place)


def _globbed(path: str, base: Place) -> Iterator[str]:
    assert isinstance(base, Path)  # noqa: S101  # a job that lies elsewhere names no files of this machine
    names = glob.glob(path, root_dir=base, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    found = sorted(name for name in names if (base / name).is_file())
    yield from found or _none_matches(base / path)


def _none_matches(place: Place) -> NoReturn:
    raise InputError(Problem(str(place), "no file matches: check the pattern and the folder"))


def _file(label: str, base: Place, stdin: BinaryIO | None, held: ExitStack, brought: _Brought) -> SourceFile:
    if label != STDIN:
        place = joined(base, label)
        reader = partial(_open_regular, place) if isinstance(place, Path) else partial(brought.open, place)
        return SourceFile(label, str(place), reader)
    try:
        return SourceFile(label, "<stdin>", spool(stdin or sys.stdin.buffer, held))
    except OSError as error:
        what = f"cannot be kept in a temporary file: {error.strerror or error}"
        raise InputError(Problem("<stdin>", what)) from None


def _open_regular(path: Path) -> io.BufferedReader:
    # Opening a named pipe would wait for its writer, and what it gives is there for one pass only.
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(None, "it is a pipe or a device; write it to a file, or hand it over as -")
    return path.open("rb")


class _Brought:
    """The files of a source that lie elsewhere: each is brought here once, when it is first read."""

    def __init__(self, held: ExitStack) -> None:
        self._left = LARGEST
        self._held = held
        self._copy = cache(self._bring)

    def open(self, place: Url) -> io.BufferedReader:
        """Its copy, from the beginning. Raises OSError, ConfigError."""
        return self._copy(place)()

    def _bring(self, place: Url) -> Callable[[], io.BufferedReader]:
        with place.open() as stream:
            return spool(_Counted(stream, self._take), self._held)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise OSError(None, f"the files that lie elsewhere are larger than {LARGEST >> 30} GiB together")


@dataclass(frozen=True, slots=True)
class _Counted:
    """A stream that tells how much is read from it."""

    stream: Stream
    tell: Callable[[int], None]

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        content = self.stream.read(size)
        self.tell(len(content))
        return content
