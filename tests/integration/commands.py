"""Starts the real command in a process of its own, and a sandbox for it in another."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-W", "error", "-m", "bulkseg"]
CREDENTIALS = "Basic U2FuZGJveFxkZW1vOmRlbW8="  # the sandbox's public ones
PATIENCE = 60.0


def environment(site: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's variables without any that lead to an Eloqua, and with those of `site`."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ELOQUA_")}
    return {**ours, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "dumb", **(site or {})}


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines on stderr, each a JSON document."""
        return [json.loads(line) for line in self.err.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log about one event."""
        return [line for line in self.log if line["event"] == name]


def start(*arguments: object, cwd: Path, site: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The command, started. Nobody is at its terminal."""
    return _begin([*COMMAND, *map(str, arguments)], cwd, site)


def script(code: str, *, cwd: Path, site: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """A user's program, started likewise."""
    return _begin([sys.executable, "-W", "error", "-c", code], cwd, site)


def _begin(command: list[str], cwd: Path, site: Mapping[str, str] | None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(site),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Ended:
    """Waits for a command that was started."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def bulkseg(*arguments: object, cwd: Path, site: Mapping[str, str] | None = None) -> Ended:
    """The command, from its start to its end."""
    return finish(start(*arguments, cwd=cwd, site=site))


@contextmanager
def sandbox(*arguments: object, cwd: Path) -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own; gives the variables that it prints, those with which it is used."""
    process = start("sandbox", *arguments, cwd=cwd)
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(5)]
        words = [shlex.split(line)[1] for line in lines]
        yield dict(word.split("=", 1) for word in words)
    finally:
        process.terminate()
        finish(process)


def held(site: Mapping[str, str]) -> dict[str, str]:
    """What the sandbox holds: names by id."""
    found: dict[str, str] = {}
    while True:
        page = len(found) // 1000 + 1
        url = f"{site['ELOQUA_BASE_URL']}/api/REST/2.0/assets/contact/segments?count=1000&page={page}"
        with urlopen(Request(url, headers={"Authorization": CREDENTIALS}), timeout=10) as answer:  # noqa: S310  # http
            document = json.load(answer)
        found |= {one["id"]: one["name"] for one in document["elements"]}
        if not document["elements"] or len(found) >= document["total"]:
            return found


def write_csv(path: Path, count: int, first: int = 1) -> Path:
    """A data file that makes `count` segments."""
    path.write_text("name\n" + "".join(f"Segment {number:04}\n" for number in range(first, first + count)))
    return path


def write_job(path: Path, **limits: object) -> Path:
    """A job file for `segments.csv` beside it."""
    settings = "\n".join(f"{name} = {json.dumps(value)}" for name, value in limits.items())
    path.write_text(
        f"""[source]
path = "segments.csv"

[[segment]]
template = "plain"
action = "create"
name = "{{{{ name }}}}"

[limits]
{settings}
"""
    )
    return path
