"""Which process this is, told so that another one can find out that it is no more."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from bulkseg.clock import Clock

_PROC = Path("/proc")


def this_process() -> str | None:
    """Boot, process namespace, number and start of this process; None where /proc does not tell.

    Two containers of one machine may both have a process 7: only in its own namespace does a number tell.
    """
    boot = Clock().boot()
    start = _start_of(os.getpid())
    try:
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return None
    return f"{boot} {space} {os.getpid()} {start}" if boot and start else None


def is_dead(process: str | None) -> bool:
    """Whether it is sure that the process of that name is no more: it cannot send anything either."""
    own = this_process()
    if process is None or own is None or process.split()[:2] != own.split()[:2]:
        return False
    number, start = process.split()[2:]
    return _start_of(int(number)) != start


def described(now: float) -> str:
    """This process for whoever finds the checkpoint held. `now` is Unix time."""
    since = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"


def _start_of(number: int) -> str | None:
    """In ticks since the boot: field 22 of proc(5)'s stat, counted after the name, which may hold blanks."""
    try:
        fields = (_PROC / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
