"""What a program is told of a run that it has begun: the lines of the log as data, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkseg.observe import EventName
from bulkseg.redact import secrets


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run. Its name and its fields are those of a line in the log.

    `fields` has the job too and, once it has begun, the run.
    """

    name: EventName
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventLog:
    """A log whose lines are events that are told to `tell`; `bound` are fields that each of them carries."""

    tell: Callable[[Event], None]
    bound: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, **fields: Any) -> EventLog:
        """One whose every event carries these fields too."""
        return EventLog(self.tell, {**self.bound, **fields})

    def info(self, event: EventName, **fields: Any) -> None:
        """Tells of one. Who knows where the caller writes it to: no secret goes out with it."""
        self.tell(Event(event, secrets.value({**self.bound, **fields})))

    def warning(self, event: EventName, **fields: Any) -> None:
        """Likewise: an event's name says how much it matters."""
        self.info(event, **fields)

    def debug(self, event: EventName, **fields: Any) -> None:
        """Tells nothing: what is seldom wanted is no event."""
