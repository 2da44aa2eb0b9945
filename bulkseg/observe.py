"""What a run tells while it goes on: a tally that anybody may read, and calls for what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bulkseg.model import Spec, State

# Everything that may be told, and what a line of the log is called. The README says what each one holds; a
# name that stands there is searched for by those who watch a log, so it stays.
EventName = Literal[
    "checking",
    "run_started",
    "progress",
    "spec_failed",
    "throttled",
    "server_silent",
    "server_back",
    "database_away",
    "database_back",
    "specs_changed",
    "draining",
    "twin",
    "twins_not_looked_for",
    "run_ended",
    "on_done_failed",
    "metrics_failed",
]


@dataclass(slots=True)
class Tally:
    """Counters of one run, changed in place by the dispatcher and read by displays and the summary.

    `total` is what this run is to do; `created` to `unknown` are specs that ended in this run; `sent` counts
    create and copy requests, `searches` all others; `in_flight` requests under way; `waiting` specs held back
    (a retry that waits for its time, or in doubt); `allowed` is the present rate in requests a second,
    `reached` the one of the last seconds; `why` says in words why the rate is lower than it could be, or is
    empty.
    """

    total: int = 0
    created: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    adopted: int = 0
    sent: int = 0
    searches: int = 0
    throttled: int = 0
    retried: int = 0
    in_flight: int = 0
    waiting: int = 0
    allowed: float = 0.0
    reached: float = 0.0
    why: str = ""

    def count(self, state: State) -> None:
        """One spec more has ended in `state`."""
        setattr(self, state, getattr(self, state) + 1)

    @property
    def done(self) -> int:
        """Specs that have come to an end in this run."""
        return self.created + self.failed + self.unknown + self.skipped + self.adopted


class Observer(Protocol):
    """Whoever shows or logs a run. Calls are made from the event loop and have to be quick."""

    def started(self, job: str, run: int, tally: Tally) -> None:
        """The first request is about to leave."""

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """A spec has ended as failed or unknown."""

    def notice(self, event: EventName, **fields: Any) -> None:
        """Something a person may want to know. One about a spec has its `key` among the fields."""

    def ended(self, summary: dict[str, Any]) -> None:
        """The run is over; `summary` is the document that `run --json` prints."""
