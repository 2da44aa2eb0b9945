"""The real command in a process of its own, and the moments at which it is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

from bulkseg.sandbox import environment
from tests.crash.case import Case, Place
from tests.crash.server import ROOT

# How often the server's count is looked at, in seconds.
LOOK = 0.005
# The longest that a run or a wait for a moment may take, in seconds.
LONGEST = 180.0
# The share of kills that come with a warning.
WARNED = 0.2

Phase = Literal["start", "first", "middle", "end"]


class TookTooLong(Exception):
    """A run did not come to its end, or to its moment."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Once the server holds `made` segments of ours, and `seconds` after that.

    `warned` seconds before the SIGKILL there is a SIGTERM, so that it dies while it drains; None: without.
    """

    phase: Phase
    made: int
    seconds: float
    warned: float | None = None


def phases(kills: int, rng: random.Random) -> list[Phase]:
    """A phase for each kill: a quarter of them in each, mixed but for those at the end."""
    quarter = kills // 4
    mixed: list[Phase] = [*["start"] * quarter, *["first"] * quarter, *["middle"] * (kills - 3 * quarter)]
    rng.shuffle(mixed)
    return [*mixed, *["end"] * quarter]


def moment(phase: Phase, made: int, to_make: int, share: float, rng: random.Random) -> Moment:
    """A moment of that phase in a run that begins when `made` of `to_make` are made.

    A middle one comes when about `share` of them all is made.
    """
    warned = rng.uniform(0.0, 0.3) if rng.random() < WARNED else None
    match phase:
        case "start":
            return Moment(phase, 0, rng.uniform(0.05, 0.8), warned)
        case "first":
            return Moment(phase, min(to_make, made + 1), rng.uniform(0.0, 0.2), warned)
        case "middle":
            return Moment(phase, int(share * to_make), rng.uniform(0.0, 0.2), warned)
        case "end":
            return Moment(phase, to_make, rng.uniform(0.0, 1.5), warned)


class Run:
    """One `bulkseg run`. `exit` is its exit status, or None while it runs and once it was killed."""

    def __init__(self, case: Case, place: Place, url: str) -> None:
        command = [sys.executable, "-m", "bulkseg", "run", str(place.job), "--json", *case.arguments]
        self._log = place.log.open("ab")
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(case, url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._ends_by = time.monotonic() + LONGEST

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._log, self._process:
            self._process.kill()

    @property
    def over(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._process.poll() is not None

    def reaches(self, moment: Moment, made: Callable[[], int]) -> bool:
        """Waits for the moment; False if the run ended by itself before."""
        while made() < moment.made and not self.over:
            self._pause(LOOK)
        until = time.monotonic() + moment.seconds
        while time.monotonic() < until and not self.over:
            self._pause(min(LOOK, max(0.0, until - time.monotonic())))
        return not self.over

    def freeze(self, seconds: float) -> None:
        """Stands still for so long, as after Ctrl-Z or with a paused container, and goes on."""
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    def kill(self, warned: float | None = None) -> bool:
        """SIGKILL, after a SIGTERM where `warned`. False if it ended by itself before."""
        if warned is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(warned)
        if self.over:
            return False
        self._process.kill()
        return self._process.wait() == -signal.SIGKILL

    def end(self) -> tuple[int, dict[str, Any]]:
        """Waits for its own end; its exit status and its summary."""
        try:
            document, _ = self._process.communicate(timeout=max(0.0, self._ends_by - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TookTooLong(f"a run had not ended after {LONGEST:g} seconds") from None
        return self._process.returncode, orjson.loads(document) if document else {}

    def _pause(self, seconds: float) -> None:
        if time.monotonic() > self._ends_by:
            raise TookTooLong(f"a moment had not come after {LONGEST:g} seconds")
        time.sleep(seconds)


def _environment(case: Case, url: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ELOQUA")}
    theirs = environment(url)
    if case.discovery:
        del theirs["ELOQUA_BASE_URL"]
    return ours | theirs
