"""Puts a file in its place when it is whole, and not before."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from bulkseg.errors import InputError, Problem


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A new file next to `path` that takes its place when all went well, and is taken away when not.

    Raises:
        InputError: the place cannot be written. What stood there before is then still there.
    """
    target = path.resolve()  # a link stays a link
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as out, _taken_away(part):
            yield out
            out.flush()
            os.fsync(out.fileno())
            part.replace(target)
        _fsync_folder(target.parent)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(Problem(str(path), f"cannot be written: {why}; name a place that can be")) from error


@contextmanager
def _taken_away(part: Path) -> Iterator[None]:
    """Leave no file of that name behind."""
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _fsync_folder(folder: Path) -> None:
    """Make the new name durable."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
