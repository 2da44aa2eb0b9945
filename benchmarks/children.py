"""Child processes of a benchmark: measured, bounded in time, and ended by their own pid.

This module and those that use it import nothing large: Linux counts a parent's memory at the time of the
fork into the peak of its child.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from benchmarks.report import FOLDER

LOOK_SECONDS = 0.02
_MIB = 1024 if sys.platform != "darwin" else 1024 * 1024  # ru_maxrss is in KiB, on macOS in bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """What a child has cost: seconds from its start to its end, of those on the CPU, and MiB at the peak.

    `began` is the monotonic time of its start, `output` what it printed; `used` has monotonic times on its
    way, with the CPU seconds used by then.
    """

    began: float
    seconds: float
    cpu: float
    peak: float
    output: bytes
    used: Sequence[tuple[float, float]]

    def cpu_by(self, moment: float) -> float:
        """CPU seconds used by that monotonic time, or a little more: by the next look that was taken."""
        return next((cpu for at, cpu in self.used if at >= moment), self.cpu)


@dataclass(frozen=True, slots=True)
class Server:
    """A server of `benchmarks.server` in a process of its own."""

    url: str

    def stats(self) -> dict[str, Any]:
        """Arrival times in seconds (of `requests`, all but sign-in, and of `creates`), and counts."""
        with urllib.request.urlopen(f"{self.url}/_stats", timeout=30) as answer:  # noqa: S310 - our own server
            stats: dict[str, Any] = json.load(answer)
            return stats

    @property
    def environ(self) -> dict[str, str]:
        """The variables that send bulkseg there."""
        return {
            "ELOQUA_COMPANY": "Sandbox",
            "ELOQUA_USER": "demo",
            "ELOQUA_PASSWORD": "demo",
            "ELOQUA_LOGIN_URL": self.url,
        }


def python(*arguments: str, limit: float, environ: Mapping[str, str] | None = None) -> Ended:
    """Run `python ARGUMENTS` and wait for its end, `limit` seconds at most.

    Raises:
        RuntimeError: it failed, or took too long; the message has the end of what it printed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        child = _start(arguments, output, errors, environ or {})
        used: list[tuple[float, float]] = []
        with _ended(child, limit), _watched(child.pid, used):
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it again
        output.seek(0)
        errors.seek(0)
        if child.returncode:
            end = (output.read() + errors.read())[-2000:].decode(errors="replace")
            raise RuntimeError(f"python {' '.join(arguments)} ended with {child.returncode}:\n{end}")
        cpu = usage.ru_utime + usage.ru_stime
        return Ended(began, seconds, cpu, usage.ru_maxrss / _MIB, output.read(), used)


@contextmanager
def server(latency: float = 0.0, *, segments: int = 0) -> Iterator[Server]:
    """A fresh server that answers after `latency` seconds, and has so many segments already."""
    arguments = ["-m", "benchmarks.server", "--latency", str(latency), "--segments", str(segments)]
    child = _start(arguments, subprocess.PIPE, None, {})
    try:
        if child.stdout is None or not (line := child.stdout.readline()):
            raise RuntimeError("the server did not start")
        yield Server(line.decode().strip())
    finally:
        child.terminate()
        child.communicate(timeout=30)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one turn; not among the system's temporary files, where a sync may cost nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="turn-") as name:
        yield Path(name)


def _start(
    arguments: Sequence[str],
    output: IO[bytes] | int,
    errors: IO[bytes] | None,
    environ: Mapping[str, str],
) -> subprocess.Popen[bytes]:
    """Start python with nothing of the caller's own ELOQUA_ variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELOQUA")}
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env={**inherited, "NO_PROXY": "127.0.0.1", **environ},
    )


@contextmanager
def _ended(child: subprocess.Popen[bytes], limit: float) -> Iterator[None]:
    """See that the child has ended when the block has, whatever happens in it, and after `limit` seconds."""
    timer = threading.Timer(limit, child.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        child.kill()  # does nothing to one that has ended


@contextmanager
def _watched(pid: int, used: list[tuple[float, float]]) -> Iterator[None]:
    """Look now and then what a child of ours has used, for as long as the block lasts."""
    over = threading.Event()

    def look() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            while not over.wait(LOOK_SECONDS):
                times = process.cpu_times()
                used.append((time.monotonic(), times.user + times.system))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield
    finally:
        over.set()
        looker.join()
