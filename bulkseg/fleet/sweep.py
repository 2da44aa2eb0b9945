"""Looks after the jobs of workers that are no more: a living one puts them back into the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from bulkseg.fleet.engine import Patience
from bulkseg.fleet.records import CANCELLED, End, Records, Silent, nameless
from bulkseg.fleet.terms import Terms
from bulkseg.log import get_logger

# Seconds between two looks for what is too old to be kept, and the hours for which jobs that are over are.
_DAY = 86_400.0
_KEPT_HOURS = 90 * 24

_log = get_logger()

# Jobs, by their number and that of their taking.
Takings = set[tuple[int, int]]


class Sweeper:
    """`unknown` gives the jobs that this worker has by the queue, and that it knows nothing of."""

    def __init__(
        self, records: Records, patience: Patience, terms: Terms, unknown: Callable[[], Awaitable[Takings]]
    ) -> None:
        self._records = records
        self._patience = patience
        self._terms = terms
        self._unknown = unknown
        self._suspects: Takings = set()
        self._tidied_at = float("-inf")

    async def run(self) -> None:
        """Again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(self._terms.silent / 3)
            try:
                await self._look()
            except Exception:  # noqa: BLE001  # the next look may do better; the jobs go on meanwhile
                _log.exception("sweep_failed")

    async def _look(self) -> None:
        await self._put_back_lost()
        await self._records.close_cancelled()
        # While the database was away nobody was heard of: whoever is alive gets the time to say so.
        if time.monotonic() - self._patience.sound_since < self._terms.silent:
            return
        for silent in await self._records.silent(self._terms.silent):
            await self._recover(silent)
        await self._records.prune_stalled_workers(self._terms.silent)
        if time.monotonic() - self._tidied_at > _DAY:
            await self._records.delete_old_jobs(
                _KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
            )
            self._tidied_at = time.monotonic()

    async def _recover(self, silent: Silent) -> None:
        _log.warning("worker_silent", worker=silent.worker, job=silent.name, seconds=self._terms.silent)
        if silent.cancelled:
            await self._records.end(silent.job, End(3, CANCELLED, cancelled=True))
        else:
            note = f"its worker {silent.worker} was not heard of for {self._terms.silent:g} s"
            await self._records.put_back(silent.job, 0.0, note)

    async def _put_back_lost(self) -> None:
        """A job that was taken by a statement whose answer got lost: seen twice, it is no new one."""
        unknown = await self._unknown()
        for number, attempts in unknown & self._suspects:
            job = nameless(number, attempts)
            await self._records.put_back(job, 0.0, "its worker did not learn that it had it")
        self._suspects = unknown
