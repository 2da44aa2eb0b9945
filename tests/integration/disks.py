"""A file system of its own for a test, where it may be mounted; it can be filled up, and made read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def mount(*arguments: object) -> bool:
    """Whether it could be done: it takes root, and not every container lets its root."""
    command = ["mount", *map(str, arguments)]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mounted at `folder`, if that may be; gives whether it is."""
    folder.mkdir()
    mounted = mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", folder)
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True, timeout=10)


@contextmanager
def read_only(folder: Path, *, mounted: bool) -> Iterator[None]:
    """Nothing can be written there for as long as the context lasts."""
    _ = mount("-o", "remount,ro", folder) if mounted else folder.chmod(0o500)
    try:
        yield
    finally:
        _ = mount("-o", "remount,rw", folder) if mounted else folder.chmod(0o700)


def fill_up(folder: Path) -> Path:
    """Takes all the room that is left; gives the file that has it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def is_mortal() -> bool:
    """Whether the rights of files hold for us."""
    return os.geteuid() != 0
