"""One process at a time holds a checkpoint: an operating system's lock on a file beside it.

A dead process lets go of it by itself, however it died. The file stays: to delete it would let a second
process lock a new file of that name while the first still holds the old one.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from bulkseg.errors import CheckpointBusy, CheckpointError


class Lock:
    """Holds NAME.lock from its making until `release`. Raises CheckpointBusy where another process has it."""

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint
        self._path = checkpoint.with_name(checkpoint.name + ".lock")
        self._descriptor = self._take()

    def release(self) -> None:
        """Let go."""
        os.close(self._descriptor)

    def _take(self) -> int:
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise self._refused(error, holder) from error
            if self._is_still_there(descriptor):
                # Only for the message of whoever finds it locked; the lock itself is what counts.
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return descriptor
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CheckpointError(
                f"{self._path} cannot be written ({error.strerror}); a checkpoint needs a folder that exists "
                "and can be written; name another one with --checkpoint"
            ) from error

    def _refused(self, error: OSError, holder: str) -> CheckpointError:
        if isinstance(error, BlockingIOError):
            return CheckpointBusy(
                f"{self._checkpoint} is held by another process ({holder or 'unknown'}); wait for it to end, "
                "or stop it; `bulkseg status` can read meanwhile"
            )
        return CheckpointError(f"{self._path} cannot be locked ({error.strerror}); use a local disk")

    def _is_still_there(self, descriptor: int) -> bool:
        """False where somebody deleted the file between our opening and our locking it."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
