"""A run as lines of a log: one at the start, one every 30 s, one for each failure, one at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, Self

from bulkseg.model import Spec
from bulkseg.observe import EventName, Tally
from bulkseg.progress.numbers import Meter
from bulkseg.progress.ticker import Ticker

# Seconds between two lines about how far it has come.
EVERY = 30.0


class Log(Protocol):
    """What writes a line: structlog's bound logger, or a test's list."""

    def bind(self, **fields: Any) -> Self:
        """One whose every line carries these fields too."""

    def debug(self, event: EventName, **fields: Any) -> Any:
        """Writes a line that is seldom wanted."""

    def info(self, event: EventName, **fields: Any) -> Any:
        """Writes a line."""

    def warning(self, event: EventName, **fields: Any) -> Any:
        """Writes a line that somebody should read."""


class Lines:
    """An observer that writes `run_started`, `progress`, `spec_failed`, `run_ended`, and notices by name."""

    def __init__(
        self, log: Log, monotonic: Callable[[], float] = time.monotonic, every: float = EVERY
    ) -> None:
        self._log = log
        self._monotonic = monotonic
        self._ticker = Ticker(every, self.progress)
        self._meter: Meter | None = None

    def checking(self, job: str, site: str | None = None) -> None:
        """The source is being read and checked. From here on each line has the job, and its site if named."""
        self._log = self._log.bind(job=job, **({"site": site} if site else {}))
        self._log.debug("checking")

    def started(self, job: str, run: int, tally: Tally) -> None:
        """The first line, and the clock of those that follow."""
        self._meter = Meter(tally, self._monotonic)
        self._log = self._log.bind(job=job, run=run)
        self._log.info("run_started", total=tally.total)
        self._ticker.start()

    def progress(self) -> None:
        """How far it has come."""
        if self._meter is not None:
            self._log.info("progress", **self._meter.read().fields())

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """One line for each spec that ended as failed or unknown."""
        self._log.warning(
            "spec_failed",
            key=spec.key,
            name=spec.name,
            source=spec.file,
            line=spec.line,
            state=state,
            error=error,
            request_id=request_id,
        )

    def notice(self, event: EventName, **fields: Any) -> None:
        """Something that happened, under its own name."""
        self._log.warning(event, **fields)

    def ended(self, summary: dict[str, Any]) -> None:
        """The last line: the whole summary. A warning where a person has to know why it ended as it did."""
        self.close()
        write = self._log.warning if summary["exit"] else self._log.info
        write("run_ended", **summary)

    def close(self) -> None:
        """No more lines come by themselves."""
        self._ticker.stop()
