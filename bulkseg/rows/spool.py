"""Keeps what can be read only once (stdin) in a private temporary file that can be read again and again."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def spool(stream: BinaryIO, held: ExitStack) -> Callable[[], io.BufferedReader]:
    """Reads `stream` to its end; each call of the result reads the copy from its beginning.

    The copy has no name in the file system, so that even a killed process leaves nothing behind; it is gone
    when `held` closes. Raises OSError, for example when the disk is full.
    """
    copy = held.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # `held` is the context
    shutil.copyfileobj(stream, copy)
    copy.flush()
    return lambda: io.BufferedReader(_Reader(copy.fileno()))


class _Reader(io.RawIOBase):
    """Reads a file from its beginning at a position of its own, whoever else is reading it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = os.pread(self._descriptor, len(view), self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
