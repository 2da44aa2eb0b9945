"""Which files a source consists of: paths, globs and stdin -> files that can be opened again and again."""

from __future__ import annotations

import glob
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from bulkseg.errors import InputError, Problem
from bulkseg.rows.spool import spool

STDIN = "-"

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
    paths: Sequence[str], base: Path, stdin: BinaryIO | None, held: ExitStack
) -> tuple[SourceFile, ...]:
    """The files of `paths` in order, each once: a glob's are sorted; `-` is stdin.

    Relative paths start at `base`. What stdin gave is kept in a temporary file, which closing `held` removes.
    Raises InputError for a glob that nothing matches, or stdin that cannot be kept.
    """
    labels = dict.fromkeys(label for path in paths for label in _labels(path, base))
    return tuple(_file(label, base, stdin, held) for label in labels)


def _labels(path: str, base: Path) -> Iterator[str]:
    # A file that is really called "data [1].csv" is meant, though its name would do as a glob.
    if path == STDIN or not glob.has_magic(path) or (base / path).exists():
        yield path
        return
    names = glob.glob(path, root_dir=base, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    found = sorted(name for name in names if (base / name).is_file())
    if not found:
        raise InputError(Problem(str(base / path), "no file matches: check the pattern and the folder"))
    yield from found


def _file(label: str, base: Path, stdin: BinaryIO | None, held: ExitStack) -> SourceFile:
    if label != STDIN:
        path = base / label
        return SourceFile(label, str(path), partial(_open_regular, path))
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
