"""What is to be survived: a job, how its server behaves, and how often what is killed. And its files."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from bulkseg.location import Location, located
from bulkseg.names import fold
from bulkseg.sandbox import Names, Settings
from bulkseg.sandbox.store import Store

SOMEBODY_ELSE = 77
HOUR = 3600.0

# Names that are awkward to search for, or that a server may fold; each with its number, so that they differ.
_NAMES = ("Crash {}", "Straße  {} ＡＢ", "O'Brien''s {}", "all * of {}", 'Ünï, "cödé" {}')

_JOB = """\
[job]
name = "crash"
{}
[source]
path = "specs.csv"
key = ["code"]

[[segment]]
template = "made"
when = "copy_of == ''"
name = "{{ name }}"
description = "{{ code }}"

[[segment]]
template = "copied"
when = "copy_of != ''"
action = "copy"
source_id = "{{ copy_of }}"
name = "{{ name }}"
description = "{{ code }}"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A job of `specs` segments, a fifth of them copies, and what it is to survive.

    Each segment's description is its key, so that what the server holds can be told apart whatever became of
    the names.

    settings: the sandbox's; `limits` and `if_exists` are the job's, `arguments` the run's.
    kills: how often the run is killed.
    outages, freezes: before how many of these the server dies, or the run stands still for a while.
    discovery: the base URL is asked for, and with it who we are.
    stood: the first so many names are there before, made by us.
    decoys: likewise, in turn made just now by somebody else and an hour ago by us.
    runs: how many it may take to the end, those that were killed not counted.
    may_be_unknown: some specs may be left in doubt at the end.
    database: the address of a PostgreSQL in which the checkpoint lies, not in a file.
    """

    name: str
    specs: int
    settings: Settings = field(default_factory=Settings)
    limits: Mapping[str, str | int | float] = field(default_factory=dict)
    kills: int = 0
    outages: int = 0
    freezes: int = 0
    if_exists: str = "fail"
    discovery: bool = True
    stood: int = 0
    decoys: int = 0
    runs: int = 1
    may_be_unknown: bool = False
    arguments: tuple[str, ...] = ()
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A case's files. Segments with an id up to `stood_id` were there before the first run."""

    job: Path
    checkpoint: Location
    log: Path
    settings: Settings
    stood_id: int


def set_up(case: Case, folder: Path) -> Place:
    """Writes the job and its source, and the sandbox's database with what stood there before."""
    settings = replace(case.settings, db=folder / "sandbox.db")
    names = [name_of(number) for number in range(case.specs)]
    copied, stood_id = _seed(settings, case, names)
    rows = ((key_of(number), each, copied if number % 5 == 3 else "") for number, each in enumerate(names))
    with (folder / "specs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("code", "name", "copy_of"), *rows])
    job = folder / "crash.toml"
    checkpoint = f"{case.database}#{folder.name}" if case.database else f"{folder}/crash.checkpoint"
    named = f"checkpoint = {orjson.dumps(checkpoint).decode()}\n"
    job.write_text(
        _JOB.replace("{}", named, 1)
        + _table("limits", case.limits)
        + _table("results", {"if_exists": case.if_exists})
    )
    return Place(job, located(checkpoint), folder / "run.log", settings, stood_id)


def name_of(number: int) -> str:
    """The name of one spec."""
    return _NAMES[number % len(_NAMES)].format(number)


def key_of(number: int) -> str:
    """The key of one spec."""
    return f"{number:06}"


def _table(title: str, values: Mapping[str, str | int | float]) -> str:
    # A number or a string of letters is the same in TOML as in JSON.
    lines = (f"{key} = {orjson.dumps(value).decode()}" for key, value in values.items())
    return "\n".join(("", f"[{title}]", *lines, ""))


def _seed(settings: Settings, case: Case, names: list[str]) -> tuple[str, int]:
    """What is there before; the id of the segment to copy, and the last id that is given."""
    held = [fold(each) for each in names] if settings.names is Names.FOLD else names
    with closing(Store(settings.db, time.time)) as now, closing(Store(settings.db, _an_hour_ago)) as before:
        copied = before.add("what is copied", description="the source").id
        ours = [before.add(each).id for each in (*held[: case.stood], *held[1 : case.decoys : 2])]
        theirs = [now.add(each, created_by=SOMEBODY_ELSE).id for each in held[: case.decoys : 2]]
    return str(copied), max([copied, *ours, *theirs])


def _an_hour_ago() -> float:
    return time.time() - HOUR
