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

from bulkseg.duration import duration
from bulkseg.model import Spec
from bulkseg.observe import EventName, Tally
from bulkseg.progress.numbers import Meter, Numbers
from bulkseg.progress.ticker import Ticker
from bulkseg.progress.words import on_one_line, words

# Seconds between two pictures: often enough to look alive, seldom enough for a slow line. One that would look
# the same is not drawn.
EVERY = 0.5
# How many of the latest failures stay in sight.
FAILURES = 3


class Display:
    """An observer that draws on the terminal.

    It draws from the event loop, not from rich's thread, so that the tally is never read half-changed.
    `every` is in seconds.
    """

    def __init__(
        self, console: Console, monotonic: Callable[[], float] = time.monotonic, every: float = EVERY
    ) -> None:
        self._console = console
        self._monotonic = monotonic
        self._every = every
        self._ticker = Ticker(every, self._draw)
        self._failures: deque[Text] = deque(maxlen=FAILURES)
        self._notice: deque[Text] = deque(maxlen=1)
        self._job = ""
        self._meter: Meter | None = None
        self._status: Status | None = None
        self._live: Live | None = None
        self._told: tuple[object, ...] = ()

    def checking(self, job: str, site: str | None = None) -> None:
        """The source is being read and checked: there is nothing to count yet."""
        self.close()
        told = Text(on_one_line(f"{job} for {site or 'the default site'}: reading and checking the source"))
        self._status = self._console.status(told, refresh_per_second=1 / self._every)
        self._status.start()

    def started(self, job: str, run: int, tally: Tally) -> None:
        """The picture appears."""
        self.close()
        self._job = f"{job}, run {run}"
        self._meter, self._told = Meter(tally, self._monotonic), ()
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()
        self._draw()
        self._ticker.start()

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """The latest failures stay in sight; all of them are in the checkpoint."""
        support = f" · request {request_id}" if request_id else ""
        # The error comes before the name: the end is cut off where there is no room.
        told = f" {spec.file}:{spec.line}: {error} · {spec.name}{support}"
        self._failures.append(Text.assemble((state, "red"), on_one_line(told)))

    def notice(self, event: EventName, **fields: Any) -> None:
        """The latest one stays in sight; where there is no picture it is printed."""
        notice = Text(on_one_line(words(event, fields)), style="yellow")
        if self._live is None:
            self._console.print(notice, soft_wrap=True)
        else:
            self._notice.append(notice)

    def ended(self, summary: dict[str, Any]) -> None:  # noqa: ARG002 - the command prints the summary
        """The bar stays, as it stands at the end; all else is in the summary."""
        if self._live is not None and self._meter is not None:
            numbers = self._meter.read()
            self._live.update(_bar(self._job, numbers, f"in {duration(numbers.seconds)}"), refresh=True)
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
        if self._live is None or self._meter is None:
            return
        numbers, events = self._meter.read(), [*self._failures, *self._notice]
        told = (numbers.counts(), numbers.pace(), numbers.time_left(), *map(str, events), self._console.size)
        if told != self._told:
            self._told = told
            self._live.update(picture(self._job, numbers, events), refresh=True)


def picture(job: str, numbers: Numbers, events: list[Text]) -> RenderableType:
    """What is drawn, each part cut to one line of the terminal."""
    lines = [Text(numbers.counts()), Text(numbers.pace(), style="dim"), *events]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(_bar(job, numbers, numbers.time_left()), *lines)


def _bar(job: str, numbers: Numbers, end: str) -> Table:
    grid = Table.grid(padding=(0, 2), pad_edge=False, expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    grid.add_column(ratio=1, min_width=8)
    for _ in range(3):
        grid.add_column(no_wrap=True, justify="right")
    tally = numbers.tally
    done = f"{tally.done:,}/{tally.total:,}"
    # Where there is nothing to do, all of it is done.
    total, completed = (tally.total, tally.done) if tally.total else (1, 1)
    bar = ProgressBar(total=total, completed=completed, complete_style="green", finished_style="green")
    grid.add_row(Text(job), bar, Text(f"{numbers.percent} %"), Text(done), Text(end))
    return grid
