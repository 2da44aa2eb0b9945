"""Who watches a run: a display or a log, and others beside it."""

from __future__ import annotations

from typing import Any, Protocol

from bulkseg.model import Spec
from bulkseg.observe import EventName, Observer, Tally


class Watcher(Observer, Protocol):
    """An observer that can be told of the time before the run, and closed at any time."""

    def checking(self, job: str, site: str | None = None) -> None:
        """The source is being read and checked, which may take a while. `site` is the one the job names."""

    def close(self) -> None:
        """Nothing more is shown by itself."""


class Watchers:
    """Several as one: each is told everything, in this order."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def checking(self, job: str, site: str | None = None) -> None:
        """See Watcher."""
        for one in self._watchers:
            one.checking(job, site)

    def started(self, job: str, run: int, tally: Tally) -> None:
        """See Observer."""
        for one in self._watchers:
            one.started(job, run, tally)

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """See Observer."""
        for one in self._watchers:
            one.failed(spec, state, error, request_id)

    def notice(self, event: EventName, **fields: Any) -> None:
        """See Observer."""
        for one in self._watchers:
            one.notice(event, **fields)

    def ended(self, summary: dict[str, Any]) -> None:
        """See Observer."""
        for one in self._watchers:
            one.ended(summary)

    def close(self) -> None:
        """See Watcher."""
        for one in self._watchers:
            one.close()
