"""One thread that writes, and commits in groups.

Each commit takes whatever has gathered while the last one was being written, so that one fsync serves many
specs when there are many, and none waits for company when there are few.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from bulkseg.checkpoint.connect import explain
from bulkseg.checkpoint.writes import Contradiction, Work, prepare, write, write_with_care
from bulkseg.errors import CheckpointError


@dataclass(slots=True, eq=False)
class _Waiting:
    """Work, whoever waits for it, and what went wrong with it."""

    work: Work
    done: asyncio.Future[None]
    error: Exception | None = None


class Writer:
    """Writes intents and records over a connection that is its own from here on.

    `run` is the number of the run that the work belongs to.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.run: int | None = None
        self._connection = connection
        prepare(connection)
        self._path = path
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
                raise CheckpointError(f"{self._path} is closed")
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
        self._connection.close()
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
                write(self._connection, [item for waiting in group for item in waiting.work], self.run)
            except Contradiction:
                self._commit_apart(group)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and this thread has to live on
            told = explain(error, self._path) if isinstance(error, sqlite3.DatabaseError) else error
            for waiting in group:
                waiting.error = told

    def _commit_apart(self, group: list[_Waiting]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._write_apart(group)
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors, a full disk among them.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _write_apart(self, group: list[_Waiting]) -> None:
        """The careful way: work that must not be written fails alone, and takes nobody else's with it."""
        for waiting in group:
            self._connection.execute("SAVEPOINT one")
            try:
                write_with_care(self._connection, waiting.work, self.run)
            except CheckpointError as error:
                self._connection.execute("ROLLBACK TO one")
                waiting.error = error
            self._connection.execute("RELEASE one")

    def _tell(self, group: list[_Waiting]) -> None:
        """Wake all of a group with one call into their loop (they are all of one loop)."""
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
