"""The canaries of one run: each goes alone and is read back before anything else of its template goes.

One whose answer is lost holds nobody up. What became of it only shows once something that was sent later has
been answered, so the next goes as a canary in its place, and it is read back when it is settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bulkseg.errors import Stopped
from bulkseg.model import Record, Task
from bulkseg.stop import Stop


class Trial:
    """One run's, whose tasks are those of `group`.

    `look` reads one back; the run stops if it raises Stopped: the segment is not as it was asked for.
    """

    def __init__(
        self, look: Callable[[Task, Record], Awaitable[None]], *, stop: Stop, group: asyncio.TaskGroup
    ) -> None:
        self._look = look
        self._stop = stop
        self._group = group
        self._looks: list[asyncio.Task[None]] = []
        self._alone: int | None = None
        self._in_doubt = asyncio.Event()

    def doubt(self, task_id: int) -> None:
        """The answer to that task was lost."""
        if task_id == self._alone:
            self._in_doubt.set()

    async def alone(self, task: Task, end: Awaitable[Record]) -> None:
        """Returns when the next may go: the task has been read back, or is in doubt."""
        self._alone = task.id
        self._in_doubt.clear()
        look = self._group.create_task(self._read(task, end))
        self._looks.append(look)
        doubt = self._group.create_task(self._in_doubt.wait())
        try:
            await asyncio.wait((look, doubt), return_when=asyncio.FIRST_COMPLETED)
        finally:
            doubt.cancel()

    def close(self) -> None:
        """Nothing is sent any more: after a stop, what has not ended by now is not read back."""
        if self._stop.requested:
            for look in self._looks:
                look.cancel()

    async def _read(self, task: Task, end: Awaitable[Record]) -> None:
        try:
            await self._look(task, await end)
        except Stopped as error:
            self._stop.fail(error)
