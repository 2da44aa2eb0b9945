"""What a draft and a checkpoint answer: plain frozen data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from bulkseg.model import Action, Spec, State, Task, plain

# --- Of a whole source ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spec comes from: the file as the job names it, and its real line, from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Clash:
    """Two specs with one key, or two whose names fold to the same. `value` is the second's key or name."""

    what: Literal["key", "name"]
    value: str
    first: Place
    second: Place


@dataclass(frozen=True, slots=True)
class Clashes:
    """The first clashes in the order of the source, and how many there are."""

    first: tuple[Clash, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A spec that is not what was made under its key. It is told, and not sent."""

    key: str
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A spec as a plan shows it: one to be sent, or one left out. `state` is the one on record."""

    name: str
    action: Action
    file: str
    line: int
    state: State
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """A spec that would be sent, though its name stands, or may stand, for another key.

    `holder` is that key, `state` its state.
    """

    key: str
    name: str
    file: str
    line: int
    holder: str
    state: State


@dataclass(frozen=True, slots=True)
class Waiting:
    """A spec that a run would send; its body is not kept.

    `holder` is another key that has its name, if one has; `in_doubt`: whether that one was made is not known.
    """

    spec: Spec
    holder: str | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source against a checkpoint: what a run would find to do.

    `states` has each spec of the source once, in the state in which a merge would leave it. `gone` counts
    the keys of the checkpoint that are not in the source. The first ones of what would be sent, of what was
    refused and is not tried again, and of what is gone, are shown.
    """

    states: Mapping[State, int]
    changed: tuple[Changed, ...] = ()
    changed_total: int = 0
    reserved: tuple[Reserved, ...] = ()
    reserved_total: int = 0
    gone: int = 0
    first_to_send: tuple[Shown, ...] = ()
    first_refused: tuple[Shown, ...] = ()
    first_gone: tuple[Shown, ...] = ()

    @property
    def to_send(self) -> int:
        """How many specs a run would send."""
        return self.states.get(State.PENDING, 0)

    @property
    def refused(self) -> int:
        """How many were refused earlier and would not be tried again."""
        return self.states.get(State.FAILED, 0)

    @property
    def in_doubt(self) -> int:
        """How many may have been made, nobody knows."""
        return self.states.get(State.SENDING, 0) + self.states.get(State.UNKNOWN, 0)

    @property
    def done(self) -> int:
        """How many need nothing more: made, adopted, or undone."""
        return sum(self.states.get(state, 0) for state in (State.CREATED, State.ADOPTED, State.UNDONE))


@dataclass(slots=True)
class Known:
    """A source that is on record already: its specs by template, by action and by state.

    `changed` counts those that are made, and that the source asks for otherwise now.
    """

    by_template: Counter[str]
    by_action: Counter[str]
    states: Counter[State]
    changed: int = 0


# --- Of a checkpoint ------------------------------------------------------------------------------------


@plain
class OpenSpec:
    """A spec that is still to be sent. `ordinal` is its position in the source, from 1."""

    ordinal: int
    id: int
    key: str
    source: str
    line: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A spec whose request has or may have left, and whose answer is not on record.

    `task` has it as it was sent, but for its body, which is not kept; `ordinal` is its position in the
    source, where its key is in the source still (`present`). `intent_run` is the run of its last intent,
    `error` why it was given up on, where it is unknown (`given_up`).
    """

    task: Task
    ordinal: int
    present: bool
    intent_run: int
    given_up: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A spec that is still to be sent, though its name is taken: by segments, or by another key of ours.

    `ids` are the segments of that name; `holder` is the other key, None where none of ours has the name.
    `in_doubt`: whether that other one was made is not known.
    """

    task: Task
    ids: tuple[str, ...]
    holder: str | None = None
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Meta:
    """What a checkpoint says of itself. `site` is None before a sign-in, `today` before the first run."""

    job: str
    site: str | None
    today: date | None
    created_at: float
    rows: int
    specs: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. `ended_at` and `summary` are None while it goes on, and where it was killed."""

    number: int
    started_at: float
    ended_at: float | None
    summary: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a spec: all that somebody needs who has its row."""

    state: State
    segment_id: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SpecRow:
    """All that is on record of a spec. The first eighteen are the columns of the results, in their order.

    `sent_at` (of the last intent) and `done_at` are Unix time in seconds; `created_at` is as the server said.
    `server_name` is the name that it gave, where it is another; `content` a digest of what it gave. `number`
    is the spec's in this checkpoint, and `hash` stands for what was asked for.
    """

    key: str
    template: str
    action: Action
    name: str
    source_id: str
    state: State
    segment_id: str | None
    http_status: int | None
    error: str | None
    warning: str | None
    attempts: int
    reconciled: bool
    source: str
    line: int
    request_id: str | None
    sent_at: float | None
    done_at: float | None
    run: int | None
    created_by: str | None
    created_at: str | None
    server_name: str | None
    content: str | None
    number: int
    hash: str
