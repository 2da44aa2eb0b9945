"""Pass 2: expands the rows whose specs are still open, and only those, as the dispatcher asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from bulkseg.checkpoint import Doubt, OpenSpec
from bulkseg.errors import Stopped
from bulkseg.model import Row, Spec, Task
from bulkseg.survey import Expander, Source

# Rows expanded at a time: enough to be worth a change of threads, few enough to begin at once.
ROWS = 200
# Open specs read from the checkpoint at a time.
PAGE = 1000

T = TypeVar("T")

# The next open specs after an ordinal, so many at the most.
Page = Callable[[int, int], Sequence[OpenSpec]]


def open_tasks(source: Source, expander: Expander, page: Page) -> Iterator[list[Task]]:
    """The tasks of `source` that `page` says are open, in the order of the source.

    `page(after, limit)` gives the next open specs by their ordinal.

    Raises:
        Stopped: the source is not what it was in pass 1.
    """
    still_open = _Pages(page)
    for batch in source.batches(ROWS):
        if still_open.next is None:
            return
        tasks = [task for row in batch for task in _tasks(row, expander, still_open)]
        if tasks:
            yield tasks
    if still_open.next is not None:
        raise _changed(still_open.next)


class _Pages:
    """The open specs one by one, read from the checkpoint a page at a time."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._rest = self._all()
        self.next: OpenSpec | None = next(self._rest, None)

    def advance(self) -> None:
        self.next = next(self._rest, None)

    def _all(self) -> Iterator[OpenSpec]:
        after = 0
        while page := self._page(after, PAGE):
            yield from page
            after = page[-1].ordinal


def _tasks(row: Row, expander: Expander, still_open: _Pages) -> Iterator[Task]:
    specs: dict[str, Spec] | None = None
    while (found := still_open.next) is not None and (found.line, found.source) == (row.line, row.file):
        if specs is None:
            specs = {spec.key: spec for spec in expander.expand(row, _refuse)}
        if found.key not in specs:
            raise _changed(found)
        yield Task(found.id, specs[found.key], found.attempts)
        still_open.advance()


def _refuse(problem: object) -> None:
    raise Stopped(f"the source has changed since it was checked ({problem}); run again")


def _changed(found: OpenSpec) -> Stopped:
    return Stopped(
        f"the source has changed since it was checked: {found.source}:{found.line} does not make {found.key} "
        "any more; run again"
    )


def pages(specs: Sequence[OpenSpec]) -> Page:
    """Specs that are known already, in the order of the source, as pages."""
    return lambda after, limit: [spec for spec in specs if spec.ordinal > after][:limit]


def pages_of(doubts: Sequence[Doubt]) -> Page:
    """Those doubts of which the source still has the key, in its order."""
    return pages(sorted((_as_open(doubt) for doubt in doubts if doubt.present), key=attrgetter("ordinal")))


def _as_open(doubt: Doubt) -> OpenSpec:
    spec = doubt.task.spec
    return OpenSpec(doubt.ordinal, doubt.task.id, spec.key, spec.file, spec.line, doubt.task.attempts)


def first_of(batches: Iterator[list[Task]], limit: int) -> Iterator[list[Task]]:
    """The first `limit` tasks, and no more."""
    left = limit
    while left > 0 and (batch := next(batches, None)) is not None:
        yield batch[:left]
        left -= len(batch)


async def threaded(batches: Iterator[T]) -> AsyncIterator[T]:
    """Takes `batches` in a thread of its own: reading and expanding must not hold up what is in flight."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "bulkseg-reader") as thread:
        while True:
            taken = await loop.run_in_executor(thread, list, islice(batches, 1))
            if not taken:
                return
            yield taken[0]
