"""A run as a person at a terminal sees it: a bar, the counts, the pace, and what happened last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.status import Status
from rich.table import Table
from rich.text import Text

from bulkseg.model import Spec
from bulkseg.observe import Tally
from bulkseg.progress.numbers import Meter, Numbers
from bulkseg.progress.ticker import Ticker

# Seconds between two pictures: often enough to look alive, seldom enough to cost the sending nothing.
EVERY = 0.25
# How many of the latest failures stay in sight.
FAILURES = 3


class Display:
    """An observer that draws on the terminal.

    It draws from the event loop, not from rich's thread, so that the tally is never read half-changed.
    """

    def __init__(self, console: Console, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._monotonic = monotonic
        self._ticker = Ticker(EVERY, self._draw)
        self._failures: deque[Text] = deque(maxlen=FAILURES)
        self._notice: deque[Text] = deque(maxlen=1)
        self._job = ""
        self._meter: Meter | None = None
        self._status: Status | None = None
        self._live: Live | None = None

    def checking(self) -> None:
        """The source is being read and checked: there is nothing to count yet."""
        self.close()
        self._status = self._console.status("reading and checking the source")
        self._status.start()

    def started(self, job: str, run: int, tally: Tally) -> None:
        """The picture appears."""
        self.close()
        self._job = f"{job}, run {run}"
        self._meter = Meter(tally, self._monotonic)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()
        self._draw()
        self._ticker.start()

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """The latest failures stay in sight; all of them are in the checkpoint."""
        place = f"{spec.file}:{spec.line}"
        support = f" (request {request_id})" if request_id else ""
        self._failures.append(Text.assemble((state, "red"), f" {place} {spec.name}: {error}{support}"))

    def notice(self, event: str, **fields: Any) -> None:
        """The latest one stays in sight; where there is no picture it is printed."""
        notice = Text.assemble((event.replace("_", " "), "yellow"), *details(fields))
        if self._live is None:
            self._console.print(notice, soft_wrap=True)
        else:
            self._notice.append(notice)

    def ended(self, summary: dict[str, Any]) -> None:  # noqa: ARG002 - the command prints the summary
        """The picture goes."""
        self.close()

    def close(self) -> None:
        """Gives the terminal back as it was."""
        self._ticker.stop()
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        if self._live is not None and self._meter is not None:
            events = [*self._failures, *self._notice]
            self._live.update(picture(self._job, self._meter.read(), events), refresh=True)


def details(fields: dict[str, Any]) -> list[str]:
    """The fields of a notice as words."""
    return [f" {name.replace('_', ' ')} {value}" for name, value in fields.items() if value is not None]


def picture(job: str, numbers: Numbers, events: list[Text]) -> RenderableType:
    """What is drawn, each part cut to one line of the terminal."""
    lines = [Text(numbers.counts()), Text(numbers.pace(), style="dim"), *events]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(_bar(job, numbers), *lines)


def _bar(job: str, numbers: Numbers) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    grid.add_column(ratio=1, min_width=8)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    tally = numbers.tally
    done = f"{tally.done:,}/{tally.total:,}"
    bar = ProgressBar(
        total=max(tally.total, 1), completed=tally.done, complete_style="green", finished_style="green"
    )
    grid.add_row(Text(job), bar, Text(done), Text(numbers.time_left()))
    return grid
