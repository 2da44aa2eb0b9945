"""Pass 1: reads and checks the whole source, before anything is sent.

Every spec goes into the draft on disk, which finds what comes twice; nothing has to fit in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from bulkseg.checkpoint import Clash, Clashes
from bulkseg.errors import Problem
from bulkseg.model import Row, Spec
from bulkseg.problems import SHOWN, Problems

FIRST = 5

Each = Callable[[Sequence[Spec]], None]


class Source(Protocol):
    """The rows to read."""

    def batches(
        self, size: int = ..., problem: Callable[[Problem], None] | None = ...
    ) -> Iterator[Sequence[Row]]:
        """All rows, in lists; unfit ones are told to `problem`."""

    def display(self, file: str) -> str:
        """A row's file, as a person can open it."""


class Expander(Protocol):
    """Rows into specs."""

    def expand(self, row: Row, problem: Callable[[Problem], None]) -> list[Spec]:
        """The specs of one row; what is wrong with it is told to `problem`."""


class Draft(Protocol):
    """Where the specs are kept, on disk."""

    def add(self, specs: Sequence[Spec]) -> None:
        """The next specs of the source."""

    def clashes(self, limit: int) -> Clashes:
        """What comes twice."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What a source holds: counts, and the first few specs."""

    rows: int
    specs: int
    by_template: Mapping[str, int]
    by_action: Mapping[str, int]
    first: tuple[Spec, ...]


def survey(
    source: Source, expander: Expander, draft: Draft, *, look: Callable[[], None], each: Each | None = None
) -> Survey:
    """Reads `source` whole into `draft`.

    `look` is called now and then and may raise, to give up. `each` is given every spec, some at a time.

    Raises:
        InputError: with every bad row, every key and every name that comes twice.
    """
    problems = Problems()
    rows = 0
    templates: Counter[str] = Counter()
    actions: Counter[str] = Counter()
    first: list[Spec] = []
    for batch in source.batches(problem=problems.add):
        look()
        rows += len(batch)
        specs = [spec for row in batch for spec in expander.expand(row, problems.add)]
        draft.add(specs)
        if each is not None:
            each(specs)
        templates.update(spec.template for spec in specs)
        actions.update(spec.action for spec in specs)
        first.extend(islice(specs, FIRST - len(first)))
    for clash in _clashes(draft, problems):
        problems.add(_problem(clash, source.display))
    problems.refuse()
    return Survey(rows, templates.total(), dict(templates), dict(actions), tuple(first))


def _clashes(draft: Draft, problems: Problems) -> Sequence[Clash]:
    found = draft.clashes(SHOWN)
    problems.total += found.total - len(found.first)
    return found.first


def _problem(clash: Clash, display: Callable[[str], str]) -> Problem:
    first = f"{display(clash.first.file)}:{clash.first.line}"
    if clash.what == "key":
        what = f"{clash.value} comes twice: {first} has the same key; every key has to be there once"
    else:
        what = (
            f'"{clash.value}" comes twice: {first} makes the same name, if case and blanks do not count; '
            "give each segment a name of its own"
        )
    return Problem(display(clash.second.file), what, clash.second.line, clash.what)
