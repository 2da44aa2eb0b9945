"""Puts a case through its kills, looks at both sides after each of them, and lets it come to its end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bulkseg.model import State
from bulkseg.sandbox.store import Store
from tests.crash.case import Case, Place, set_up
from tests.crash.checking import Sides, always, at_the_end, look
from tests.crash.killing import Moment, Phase, Run, TookTooLong, moment, phases
from tests.crash.server import Server

# A run that ended before its moment is started again, so often at most for each kill that is due.
TRIES = 5
# In seconds: longer than any `settle` here, and how long a run goes on before it is killed all the same.
LONGEST_FREEZE, A_WHILE = 5.0, 0.5

Say = Callable[[str], None]


@dataclass(slots=True)
class Figures:
    """What a case came to. `exits` are those of the runs that ended by themselves, the last one's last."""

    case: str
    specs: int
    kills: int = 0
    outages: int = 0
    freezes: int = 0
    runs: int = 0
    made: int = 0
    twice: int = 0
    lost: int = 0
    unknown: int = 0
    seconds: float = 0.0
    exits: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def count(self, sides: Sides) -> None:
        """Takes in what there is in the end."""
        self.made = len(sides.server)
        self.twice = len(sides.twice)
        self.lost = len(sides.lost)
        self.unknown = sides.states(State.UNKNOWN)


def survive(case: Case, folder: Path, seed: int, say: Say = lambda _: None) -> Figures:
    """All of a case: its kills, then as many runs as it may take. What was wrong is in `violations`."""
    place = set_up(case, folder)
    figures = Figures(case.name, case.specs)
    began = time.monotonic()
    with Server(place.settings) as server, closing(Store(place.settings.db, time.time)) as store:
        stood = store.count()
        trial = _Trial(case, place, server, lambda: store.count() - stood, random.Random(seed), figures, say)  # noqa: S311  # no secret
        try:
            trial.kill_again_and_again()
            trial.finish()
        except TookTooLong as error:
            figures.violations.append(str(error))
    figures.count(look(place))
    figures.seconds = time.monotonic() - began
    return figures


@dataclass(frozen=True, slots=True)
class Hazard:
    """A kill in that phase, and whether the server dies, or the run stands still, before it."""

    phase: Phase
    outage: bool = False
    freeze: bool = False


@dataclass(frozen=True, slots=True)
class _Trial:
    case: Case
    place: Place
    server: Server
    made: Callable[[], int]
    rng: random.Random
    figures: Figures
    say: Say

    def kill_again_and_again(self) -> None:
        """Until as many kills have hit as were asked for."""
        due = self._hazards()
        hit = True
        for _ in range(TRIES * len(due)):
            if not due:
                return
            # Once nothing is left to do, a run can only be hit early.
            hit = self._kill_at(due[-1] if hit else Hazard("start"))
            if hit:
                due.pop()
        if due:
            self.figures.violations.append(f"{len(due)} kills of {self.case.kills} found no run to hit")

    def _hazards(self) -> list[Hazard]:
        """One for each kill, the last one first."""
        kills = range(self.case.kills)
        outages, freezes = (
            self.rng.sample(kills, self.case.outages),
            self.rng.sample(kills, self.case.freezes),
        )
        hazards = [
            Hazard(phase, number in outages, number in freezes)
            for number, phase in enumerate(phases(len(kills), self.rng))
        ]
        return hazards[::-1]

    def finish(self) -> None:
        """Lets it run to its end."""
        for _ in range(self.case.runs):
            with self._start() as run:
                self._ended(run)
            if self.figures.exits[-1] == 0:
                break
        sides = look(self.place)
        self.figures.violations += at_the_end(self.case, sides)
        if self.figures.exits[-1] and not self.case.may_be_unknown:
            self.figures.violations.append(f"the last run's exit status is {self.figures.exits[-1]}")

    def _start(self) -> Run:
        self.figures.runs += 1
        return Run(self.case, self.place, self.server.url)

    def _moment(self, phase: Phase) -> Moment:
        kills = self.figures.kills
        share = (kills + self.rng.random()) / self.case.kills
        return moment(phase, self.made(), self.case.specs - self.case.stood, share, self.rng)

    def _kill_at(self, hazard: Hazard) -> bool:
        when = self._moment(hazard.phase)
        with self._start() as run:
            hit = run.reaches(when, self.made)
            if hit and hazard.outage:
                self._outage()
            if hit and hazard.freeze:
                self._freeze(run)
            hit = hit and run.kill(when.warned)
            if hit:
                self.figures.kills += 1
            else:
                self._ended(run)
        told = "killed" if hit else f"ended ({self.figures.exits[-1]}) before it could be killed"
        self.say(f"{self.case.name}: {told} at the {hazard.phase}, {self.made()} made")
        self.figures.violations += always(look(self.place))
        return hit

    def _ended(self, run: Run) -> None:
        status, self.figures.summary = run.end()
        self.figures.exits.append(status)

    def _outage(self) -> None:
        """The server dies, and comes back; the run goes on."""
        self.server.kill()
        time.sleep(self.rng.uniform(0.0, 1.0))
        self.server.start()
        self.figures.outages += 1
        time.sleep(self.rng.uniform(0.0, A_WHILE))

    def _freeze(self, run: Run) -> None:
        """The run stands still, and goes on."""
        run.freeze(self.rng.uniform(0.0, LONGEST_FREEZE))
        self.figures.freezes += 1
        time.sleep(self.rng.uniform(0.0, A_WHILE))
