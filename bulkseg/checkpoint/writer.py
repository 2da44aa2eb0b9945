"""One thread that writes, and commits in groups.

Each commit takes whatever has gathered while the last one was being written, so that one fsync serves many
specs when there are many, and none waits for company when there are few.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from bulkseg.checkpoint.writes import Contradiction, Work
from bulkseg.errors import CheckpointError
from bulkseg.location import Location


@dataclass(slots=True, eq=False)
class _Waiting:
    """Work, whoever waits for it, and what went wrong with it."""

    work: Work
    done: asyncio.Future[None]
    error: Exception | None = None


class Journal(Protocol):
    """Writes for the writer, in its thread."""

    def write(self, work: Work, run: int | None) -> None:
        """A whole group at once, durably. Raises Contradiction, and then nothing of it is written."""

    def write_apart(self, group: Sequence[Work], run: int | None) -> list[Exception | None]:
        """The careful way: work that must not be written fails alone, and takes nobody else's with it.

        Gives the error of each.
        """

    def explain(self, error: Exception) -> Exception:
        """What went wrong with a group, in words for whoever waits for it."""

    def close(self) -> None:
        """Nothing more comes."""


class Writer:
    """Writes intents and records by a journal that is its own from here on.

    `run` is the number of the run that the work belongs to.
    """

    def __init__(self, journal: Journal, place: Location) -> None:
        self.run: int | None = None
        self._journal = journal
        self._place = place
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closing = False
        self._gate = threading.Lock()
        self._unheard: Exception | None = None
        self._thread = threading.Thread(target=self._work_off, name="checkpoint-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work) -> None:
        """Return when the work is durable. Cancelled, it is written all the same.

        Raises StorageFull (nothing of its group was written; may be called again) or CheckpointError.
        """
        if not work:
            return
        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        with self._gate:
            if self._closing:
                raise CheckpointError(f"{self._place} is closed")
            self._queue.put(waiting)
        await waiting.done

    def close(self) -> None:
        """Write what is waiting, and end the thread.

        Raises the last error that nobody was there to hear, because whoever waited for it had given up.
        """
        with self._gate:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join()
        self._journal.close()
        unheard, self._unheard = self._unheard, None
        if unheard is not None:
            raise unheard

    def _work_off(self) -> None:
        last = False
        while not last:
            group = self._gather()
            last = group[-1] is None
            waiting = [item for item in group if item is not None]
            if waiting:
                self._commit(waiting)
                self._tell(waiting)

    def _gather(self) -> list[_Waiting | None]:
        group = [self._queue.get()]
        with suppress(Empty):
            while group[-1] is not None:
                group.append(self._queue.get_nowait())
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            try:
                self._journal.write([item for waiting in group for item in waiting.work], self.run)
            except Contradiction:
                errors = self._journal.write_apart([waiting.work for waiting in group], self.run)
                for waiting, error in zip(group, errors, strict=True):
                    waiting.error = error
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and this thread has to live on
            told = self._journal.explain(error)
            for waiting in group:
                waiting.error = told

    def _tell(self, group: list[_Waiting]) -> None:
        """Wake all of a group with one call into their loop (they are all of one loop)."""
        # Here already: a `close` that holds the loop up does not let it tell what nobody waits for any more.
        self._keep([waiting for waiting in group if waiting.done.cancelled()])
        try:
            group[0].done.get_loop().call_soon_threadsafe(self._resolve, group)
        except RuntimeError:  # the loop has been closed: nobody is there to be woken
            self._keep(group)

    def _resolve(self, group: list[_Waiting]) -> None:
        self._keep([waiting for waiting in group if waiting.done.done()])
        for waiting in group:
            if waiting.done.done():
                continue
            if waiting.error is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(waiting.error)

    def _keep(self, unheard: Iterable[_Waiting]) -> None:
        for waiting in unheard:
            self._unheard = waiting.error or self._unheard
