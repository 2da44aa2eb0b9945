"""What a run came to: the document that `run --json` prints and that the checkpoint keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkseg.location import Location
from bulkseg.model import State
from bulkseg.observe import Tally
from bulkseg.stop import Stop


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a run: creates and copies, all others, those that met a 429, those made again."""

    sent: int = 0
    searches: int = 0
    throttled: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """One run. `run` is None where it ended before it began; `states` counts all specs of the source.

    `seconds` is the time from the first request to the end, `stopped` why it ended early, or None.
    """

    job: str
    checkpoint: Location
    run: int | None = None
    rows: int = 0
    specs: int = 0
    states: Mapping[State, int] = field(default_factory=dict)
    requests: Requests = field(default_factory=Requests)
    seconds: float = 0.0
    stopped: str | None = None
    exit: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON has it. `rate` is requests a second, all of them, over the whole run."""
        made = self.requests.sent + self.requests.searches
        return {
            "job": self.job,
            "checkpoint": str(self.checkpoint),
            "run": self.run,
            "rows": self.rows,
            "specs": self.specs,
            "states": {str(state): self.states.get(state, 0) for state in State},
            "requests": {
                "sent": self.requests.sent,
                "searches": self.requests.searches,
                "throttled": self.requests.throttled,
                "retried": self.requests.retried,
            },
            "seconds": round(self.seconds, 3),
            "rate": round(made / self.seconds, 2) if self.seconds else 0.0,
            "stopped": self.stopped,
            "exit": self.exit,
        }


def exit_status(stop: Stop, tally: Tally, states: Mapping[State, int], *, twins: bool) -> int:
    """What `run` ends with: early, with failures of its own or anything unknown or made twice, or well.

    What an earlier run was refused, and this one has not tried again, is told and not counted.
    """
    early = stop.exit_status
    if early is not None:
        return early
    return 1 if tally.failed or states[State.UNKNOWN] or twins else 0
