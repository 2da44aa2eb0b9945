"""A PostgreSQL of the tests' own, from the programs that are installed: nothing of it is left afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Debian does not put a server's programs on the PATH.
_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# As root, PostgreSQL does not start: the first of these users that there is runs it.
_USERS = ("postgres", "nobody")
_SMALL = "-c shared_buffers=16MB -c max_connections=90 -c listen_addresses= -c max_wal_size=256MB"


def program(name: str) -> str | None:
    """Where one of the installed programs is, the server's included."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, _PLACES)]))


@dataclass(frozen=True, slots=True)
class Cluster:
    """One server, reached by a socket in a short path."""

    folder: Path
    fsync: bool

    @property
    def url(self) -> str:
        """Its address."""
        return f"postgresql://bulkseg@/postgres?host={self.folder}"

    def start(self) -> None:
        """Return when it takes connections."""
        options = f"-k {self.folder} {_SMALL} -c fsync={'on' if self.fsync else 'off'}"
        # A session of its own: an interrupt at the keyboard is for the tests.
        _run("pg_ctl", "-D", self._data, "-l", self.folder / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Return when it has ended; `immediate` is what a crash leaves."""
        _run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def make(self) -> None:
        """Lay out its files."""
        _run("initdb", "-D", self._data, "-U", "bulkseg", "-E", "UTF8", "-A", "trust", "--no-locale", "-N")

    @property
    def _data(self) -> Path:
        return self.folder / "data"


@contextmanager
def running(*, fsync: bool = False) -> Iterator[Cluster]:
    """A fresh one, for as long as the context lasts. Without `fsync` it is quick, and no safer for it."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if _user() is not None:
        shutil.chown(folder, _user())
    cluster = Cluster(folder, fsync)
    try:
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return next(user for user in _USERS if user in known)


def _run(name: str, *arguments: str | Path) -> None:
    where = program(name)
    assert where is not None, f"{name} is not installed"
    subprocess.run(
        [where, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        user=_user(),
        cwd="/",
        timeout=60,
    )
