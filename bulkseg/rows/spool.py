"""Keeps what can be read only once, or comes from far, in a private temporary file for as many passes."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from bulkseg import scratch

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Stream(Protocol):
    """What can be read once."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, `size` at most; none at the end."""


def spool(stream: Stream, held: ExitStack) -> Callable[[], io.BufferedReader]:
    """Reads `stream` to its end; each call of the result reads the copy from its beginning.

    The copy has no name in the file system, so that even a killed process leaves nothing behind; it is gone
    when `held` closes. Raises OSError, for example when the disk is full.
    """
    copy = held.enter_context(tempfile.TemporaryFile(dir=scratch.folder()))  # noqa: SIM115  # `held` is the context
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

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        ends = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: os.fstat(self._descriptor).st_size}
        self._position = ends[whence] + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = os.pread(self._descriptor, len(view), self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)
