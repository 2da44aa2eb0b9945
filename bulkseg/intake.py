"""Specs on their way in: each gets a durable intent before it may be sent, in groups, little ahead of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

from bulkseg.clock import Clock
from bulkseg.errors import CheckpointLost, StorageFull
from bulkseg.model import Intent, Task
from bulkseg.recorder import Ledger
from bulkseg.stop import Stop

# Seconds that an intent holds: a request leaves within these, or gets a new intent. Whoever waits for a lost
# answer counts from the intent, so a request must not leave long after it.
INTENT_HOLDS = 1.0


def unsent(task: Task) -> Task:
    """The task as it was before its last intent: the request did not leave, or certainly did nothing."""
    return replace(task, attempts=task.attempts - 1)


class Intake:
    """Between the source and the dispatcher: what comes out has a durable, fresh intent.

    No more than `most` intents are open at a time, so no more specs than that are in doubt after a crash.
    `admit` is asked of each task first; it says no to one that it has brought to its end itself.
    """

    def __init__(
        self, ledger: Ledger, *, most: int, admit: Callable[[Task], bool], stop: Stop, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._most = most
        self._admit = admit
        self._stop = stop
        self._clock = clock
        self._open = 0
        self._ready: deque[tuple[Task, float]] = deque()
        self._filled = asyncio.Event()
        self._fresh: deque[Task] = deque()
        self._again: deque[Task] = deque()
        self._wake = asyncio.Event()
        self._hungry = asyncio.Event()
        self._closed = False

    def again(self, task: Task) -> None:
        """Takes back a task that is to be sent anew; it goes before the fresh ones."""
        self._again.append(task)
        self._wake.set()

    def settle(self) -> None:
        """One open intent fewer: it is being looked into, or is off the disk before a later one is on it."""
        self._open -= 1
        self._wake.set()

    def close(self) -> None:
        """No more intents are written: `work` ends."""
        self._closed = True
        self._wake.set()

    @property
    def ready(self) -> bool:
        """Whether `pick` gives a task. The last one has the freshest intent."""
        return bool(self._ready) and self._holds(self._ready[-1][1])

    async def available(self) -> None:
        """Returns when a task has its intent."""
        while not self._ready:
            self._filled.clear()
            await self._filled.wait()

    def pick(self) -> Task | None:
        """The next task that may be sent now, if any. One whose intent has aged goes back for a new one."""
        while self._ready:
            task, at = self._ready.popleft()
            if self._holds(at):
                return task
            self.settle()
            self.again(unsent(task))
        return None

    def _holds(self, at: float) -> bool:
        return self._clock.monotonic() - at <= INTENT_HOLDS

    async def take(self) -> Task:
        """Likewise, and waits for it."""
        while (task := self.pick()) is None:
            await self.available()
        return task

    def leftover(self) -> list[Task]:
        """What has an intent and will not be sent, or had one that has aged; for the end of a run."""
        return [*(unsent(task) for task, _ in self._ready), *self._again]

    async def read(self, source: AsyncIterator[Sequence[Task]]) -> None:
        """Reads the source to its end, a batch ahead, not more."""
        async for batch in source:
            self._fresh.extend(batch)
            self._hungry.clear()
            self._wake.set()
            await self._hungry.wait()

    async def work(self) -> None:
        """Writes intents until it is closed."""
        async with asyncio.TaskGroup() as writing:
            while not self._closed:
                group = self._next_group()
                if group:
                    # Not waited for: the next group goes to the ledger at once and is in its next commit.
                    self._open += len(group)
                    writing.create_task(self._intend(group))
                else:
                    await self._wake.wait()
                    self._wake.clear()

    def _next_group(self) -> list[Task]:
        room = self._most - self._open
        # Waiting for some room makes groups: one commit for many, instead of one each.
        if room < self._most / 16:
            return []
        group: list[Task] = []
        for waiting in (self._again, self._fresh):
            while waiting and len(group) < room:
                task = waiting.popleft()
                if self._admit(task):
                    group.append(task)
        if not self._fresh:
            self._hungry.set()
        return group

    async def _intend(self, group: list[Task]) -> None:
        now = self._clock.now()
        tasks = [Task(task.id, task.spec, task.attempts + 1, task.throttled, now) for task in group]
        try:
            await self._ledger.intend([Intent(task.id, task.attempts, now) for task in tasks])
        except (CheckpointLost, StorageFull) as error:
            self._stop.fail(error)
            return
        at = self._clock.monotonic()
        self._ready.extend((task, at) for task in tasks)
        self._filled.set()
