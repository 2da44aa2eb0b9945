"""Outcomes on their way to the checkpoint: those of one turn of the event loop go together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.errors import CheckpointLost, StorageFull
from bulkseg.model import Intent, Record
from bulkseg.stop import Stop

# A full disk may be made room on: so often, and so many seconds apart, is a group of outcomes tried again.
WRITE_TRIES, WRITE_WAIT = 5, 1.0

# A record, and what is called when the ledger is being given it, and when it is durable.
_Put = tuple[Record, Callable[[], None], Callable[[], None]]


class Ledger(Protocol):
    """The durable side of a checkpoint.

    Both raise StorageFull, and then nothing of the group is kept; and CheckpointLost, and then only ids are.
    """

    async def intend(self, intents: Sequence[Intent]) -> None:
        """On disk when it returns: these requests are about to leave."""

    async def record(self, records: Sequence[Record]) -> None:
        """On disk when it returns: this is what became of them."""


class Recorder:
    """Takes records at once, writes them in groups, and says of each when it is durable."""

    def __init__(self, ledger: Ledger, *, stop: Stop, clock: Clock) -> None:
        self._ledger = ledger
        self._stop = stop
        self._clock = clock
        self._gathered: list[_Put] = []
        self._filled = asyncio.Event()
        self._closed = False

    def put(self, record: Record, given: Callable[[], None], then: Callable[[], None]) -> None:
        """Has `record` written; `then` is called once it is durable, never before.

        `given` is called when the ledger is being given it: whatever it is given from then on comes later.
        """
        self._gathered.append((record, given, then))
        self._filled.set()

    def close(self) -> None:
        """Nothing more comes: `work` ends when all is written."""
        self._closed = True
        self._filled.set()

    async def work(self) -> None:
        """Writes until it is closed.

        Records that could not be written leave their specs as `sending`: the next run finds out about them.
        """
        async with asyncio.TaskGroup() as writing:
            while not self._closed or self._gathered:
                await self._filled.wait()
                self._filled.clear()
                group, self._gathered = self._gathered, []
                # Not waited for: what comes meanwhile goes to the ledger at once and is in its next commit.
                writing.create_task(self._write(group))
                # Tasks begin in the order in which they were made, so nothing that follows from this can
                # overtake the group on its way to the ledger.
                for _, given, _ in group:
                    given()

    async def _write(self, group: Sequence[_Put]) -> None:
        if group and await self._written([record for record, _, _ in group]):
            for _, _, then in group:
                then()

    async def _written(self, records: Sequence[Record]) -> bool:
        for _ in range(WRITE_TRIES):
            try:
                await self._ledger.record(records)
            except CheckpointLost as error:
                self._stop.fail(error)
                return False
            except StorageFull as error:
                self._stop.fail(error)
                await self._clock.sleep(WRITE_WAIT)
            else:
                return True
        return False
