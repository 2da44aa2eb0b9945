# ruff: noqa: D102  - the protocols' docstrings say what their properties are
"""What a report reads, and what it shows: plain frozen data, all of it bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bulkseg.model import State

# --- Read -----------------------------------------------------------------------------------------------


class Spec(Protocol):
    """One spec with what became of it. Times are Unix seconds; None stands for what is not known."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> State: ...
    @property
    def http_status(self) -> int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def warning(self) -> str | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def reconciled(self) -> bool: ...
    @property
    def source(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def request_id(self) -> str | None: ...
    @property
    def sent_at(self) -> float | None: ...
    @property
    def done_at(self) -> float | None: ...
    @property
    def run(self) -> int | None: ...


class Meta(Protocol):
    """What a checkpoint says of itself; `site` is None before a sign-in."""

    @property
    def job(self) -> str: ...
    @property
    def site(self) -> str | None: ...
    @property
    def rows(self) -> int: ...
    @property
    def specs(self) -> int: ...


class Run(Protocol):
    """One run; `ended_at` and `summary` (as `run --json` prints it) are None while it goes on."""

    @property
    def number(self) -> int: ...
    @property
    def started_at(self) -> float: ...
    @property
    def ended_at(self) -> float | None: ...
    @property
    def summary(self) -> dict[str, Any] | None: ...


class Record(Protocol):
    """A checkpoint that can be read: `counts` and `gone` are of now, `specs` also has those that are gone."""

    @property
    def meta(self) -> Meta: ...
    def counts(self) -> dict[State, int]: ...
    def gone(self) -> int: ...
    def runs(self) -> Sequence[Run]: ...
    def specs(self) -> Iterator[Spec]: ...


# --- Shown ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """Specs that ended a second, of all and of those that failed or are unknown, `at` seconds into a run."""

    at: float
    ended: float
    bad: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds within which such a share of the answers came: `percentiles` has `("p50", 0.12)` and so on."""

    answers: int
    percentiles: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went. `found` counts the specs whose answer was lost, and whose segment was found."""

    run: int
    moments: tuple[Moment, ...]
    latency: Latency | None
    found: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One spec that failed or is unknown."""

    state: State
    name: str
    key: str
    place: str
    error: str
    attempts: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Failures:
    """As many of them as a page may hold, and how many there are."""

    first: tuple[Failure, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Group:
    """Errors that differ in nothing but what they quote, how often they came, and one of them."""

    count: int
    example: Failure


@dataclass(frozen=True, slots=True)
class Groups:
    """The commonest kinds of errors, and how many errors are of other kinds."""

    commonest: tuple[Group, ...]
    others: int


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a report shows. `course` is that of the latest run that brought any spec to an end."""

    meta: Meta
    states: Mapping[State, int]
    gone: int
    warnings: int
    runs: tuple[Run, ...]
    course: Course | None
    groups: Groups
    failures: Failures
