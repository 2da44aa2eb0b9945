"""Kills runs of all kinds again and again, prints a line for each kill, and a table of what was made.

Usage: python -m tests.crash.torture [--kills N] [--seed S] [--case N] [--store postgres]. Exit status 1 if
anything was made twice, lost, or given an id that is not its own. A case is the same for the same seed and
number, but what a kill hits differs each time.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from bulkseg.sandbox import Fault, FaultKind, Names, Settings, Unique
from tests import cluster
from tests.crash.case import Case
from tests.crash.harness import Figures, survive

KILLS, KILLS_EACH, SPECS = 200, 10, 300
# Cases wait most of the time, so some do it together.
AT_ONCE = 3
LIMITS = {
    "rate": 300,
    "concurrency": 32,
    "settle": "3s",
    "timeout": "2s",
    "max_attempts": 15,
    "max_failures": "50%",
    "give_up_after": "120s",
}
COLUMNS = (
    "case",
    "kills",
    "outages",
    "freezes",
    "runs",
    "specs",
    "made",
    "twice",
    "lost",
    "unknown",
    "seconds",
)
TOLD = "{:44} {:>6} {:>7} {:>7} {:>5} {:>6} {:>6} {:>5} {:>5} {:>7} {:>7}"


def main(arguments: Sequence[str]) -> int:
    """Puts the cases through it; the exit status."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=KILLS, help=f"how many, {KILLS_EACH} for each case")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="by default another one")  # noqa: S311  # no secret
    parser.add_argument("--case", type=int, help="only the case of this number, to see it again")
    parser.add_argument("--store", choices=("file", "postgres"), default="file", help="where checkpoints lie")
    asked = parser.parse_args(arguments)
    _say(f"seed {asked.seed}")
    if asked.store == "file":
        return _torture(asked, None)
    with cluster.running(fsync=True) as postgres:
        return _torture(asked, postgres.url)


def _torture(asked: argparse.Namespace, database: str | None) -> int:
    numbers = range(1, 1 + -(-asked.kills // KILLS_EACH)) if asked.case is None else [asked.case]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        figures = list(threads.map(partial(_survived, asked.seed, database), numbers))
    _say("")
    _tell(figures)
    return 1 if any(each.violations for each in figures) else 0


def _survived(seed: int, database: str | None, number: int) -> Figures:
    folder = Path(mkdtemp(prefix=f"torture-{number}-"))
    figures = survive(replace(case_of(seed, number), database=database), folder, _seed(seed, number), _say)
    for violation in figures.violations:
        _say(f"{figures.case}: WRONG: {violation} (see {folder}; --seed {seed} --case {number})")
    return figures


def _seed(seed: int, number: int) -> int:
    return seed * 1000 + number


def case_of(seed: int, number: int) -> Case:
    """The case of that number: every way to treat names comes in turn, the rest by chance."""
    rng = random.Random(_seed(seed, number))  # noqa: S311  # no secret
    unique = list(Unique)[number % 3]
    names = list(Names)[number // 3 % 3]
    settings = Settings(
        unique=unique,
        names=names,
        conflicting_id=rng.random() < 0.5,
        latency=rng.choice((0.0, 0.03, 0.2)),
        search_lag=rng.choice((0.0, 0.5, 4.0)),
        faults=_faults(rng),
    )
    case = Case(
        "",
        SPECS,
        settings,
        LIMITS,
        kills=KILLS_EACH,
        outages=rng.choice((0, 1, 2)),
        freezes=rng.choice((0, 1, 2)),
        discovery=rng.random() < 0.7,
        arguments=("--accept-warnings",),
        **_before(unique, rng),
    )
    return replace(case, name=_told(number, case))


def _faults(rng: random.Random) -> tuple[Fault, ...]:
    every = rng.choice((16, 40, 0))
    return tuple(Fault(kind, every) for kind in FaultKind) if every else ()


def _before(unique: Unique, rng: random.Random) -> dict[str, str | int]:
    """What stands there before. A namesake of somebody else is in the way where names are unique."""
    if rng.random() < 0.4:
        return {"if_exists": "skip", "stood": SPECS // 3}
    if unique is Unique.ACCEPT:
        return {"if_exists": "ignore", "decoys": SPECS // 2}
    return {}


def _told(number: int, case: Case) -> str:
    settings = case.settings
    faults = f"8 faults:{settings.faults[0].every}" if settings.faults else "no faults"
    return (
        f"{number} {settings.unique} {settings.names} lag {settings.search_lag:g} {faults} {case.if_exists}"
    )


def _tell(figures: Sequence[Figures]) -> None:
    _say(TOLD.format(*COLUMNS))
    for each in figures:
        _say(TOLD.format(*(_cell(getattr(each, column)) for column in COLUMNS)))
    counted = ("", *(_cell(sum(getattr(each, column) for each in figures)) for column in COLUMNS[1:]))
    _say(TOLD.format(*counted))


def _cell(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _say(line: str) -> None:
    # One write for a line: threads do not mix theirs.
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n" if line else "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
