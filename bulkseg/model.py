"""What goes from stage to stage: rows, specs, replies, outcomes, records. Plain frozen data, no behaviour.

The way of the data is rows -> specs -> tasks -> replies -> outcomes -> records; see the README for the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def plain(cls: type[T]) -> type[T]:
    """A frozen, slotted data class, frozen for the type checker alone.

    There is one of these for each step of each spec, and Python's own `frozen` makes them in three times the
    time: it was measured at a thirtieth of a run's throughput.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


class Action(StrEnum):
    """What a spec asks of the server."""

    CREATE = "create"
    COPY = "copy"


class State(StrEnum):
    """Where a spec stands. The checkpoint and the results use these words."""

    PENDING = "pending"
    SENDING = "sending"
    CREATED = "created"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    ADOPTED = "adopted"
    UNDONE = "undone"


@plain
class Row:
    """One record of the source. `file` is named as the job names it; `line` is its real line, from 1.

    Cells are text, always: an empty cell is an empty string.
    """

    file: str
    line: int
    cells: Mapping[str, str]


@plain
class Spec:
    """One request to make.

    `key` identifies it from run to run (a JSON array in text); `folded` is its name as two names are
    compared (NFKC, case, runs of blanks); `source_id` is empty for a create; `body` is the request's JSON;
    `folder` is the path of its folder, whose id goes into the body before it is sent, or empty; `hash` stands
    for action, source, body and the folder's path, whatever its id.
    """

    key: str
    template: str
    action: Action
    name: str
    folded: str
    source_id: str
    body: bytes
    hash: str
    file: str
    line: int
    folder: str = ""


@plain
class Task:
    """A spec that this run is to do.

    `id` is its number in the checkpoint; `attempts` counts the requests that may have made it, `throttled`
    those that the server put off with a 429; `intended_at` is the time (Unix, seconds) of the last durable
    intent.
    """

    id: int
    spec: Spec
    attempts: int = 0
    throttled: int = 0
    intended_at: float = 0.0


# --- What came back -------------------------------------------------------------------------------------


@plain
class Answer:
    """The server answered. `whole` is False where the body broke off; words stand for one that is too long.

    `retry_after` is in seconds (both of the header's forms end here), `date` the server's clock.
    """

    status: int
    body: bytes
    whole: bool = True
    retry_after: float | None = None
    request_id: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No answer came. `left` is False only where it is certain that no byte of the request went out."""

    left: bool
    error: str


Reply = Answer | NoAnswer


# --- What it means --------------------------------------------------------------------------------------


@plain
class Made:
    """The server made it. `warning` says what is not as asked for; `status` is None where it was found.

    `content` is a digest of the segment as the server gave it, None where it did not show all of it.
    """

    status: int | None
    segment_id: str
    name: str
    content: str | None = None
    created_by: str | None = None
    created_at: str | None = None
    request_id: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection was made: safe to try again."""

    error: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It may have been made. Never sent again before it is reconciled.

    `answered` says whether the server at least did its work: False for a lost answer and for a 5xx.
    """

    error: str
    status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: it was not done, and the whole site is to wait."""

    retry_after: float | None = None
    request_id: str | None = None
    status: int = 429


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said no, for good."""

    status: int
    error: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Forbidden(Refused):
    """403. A run whose first answers are all of these stops."""


@dataclass(frozen=True, slots=True)
class SourceMissing(Refused):
    """404 to a copy: what was to be copied does not exist; neither will it for the next spec."""


@dataclass(frozen=True, slots=True)
class NameTaken(Refused):
    """400 or 409 with a UniquenessRequirement. `conflicting_id` is the id that has the name, where said."""

    conflicting_id: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """401, or a redirect to a login page: the credentials do not do, or the site has moved."""

    status: int
    error: str
    request_id: str | None = None


Outcome = Made | NotSent | InDoubt | Throttled | Refused | LoggedOut


# --- What is kept ---------------------------------------------------------------------------------------


@plain
class Intent:
    """That a request is about to leave. `at` is Unix time in seconds; `attempts` counts it already."""

    id: int
    attempts: int
    at: float


@plain
class Record:
    """What became of a spec, for the checkpoint.

    `temporary` marks a failure that the next run tries again; `at` is Unix time in seconds. `server_name` is
    the name that the server gave, where it is not the one asked for; `content` as in Made.
    """

    id: int
    state: State
    attempts: int
    at: float
    segment_id: str | None = None
    http_status: int | None = None
    error: str | None = None
    warning: str | None = None
    reconciled: bool = False
    temporary: bool = False
    request_id: str | None = None
    created_by: str | None = None
    created_at: str | None = None
    server_name: str | None = None
    content: str | None = None
