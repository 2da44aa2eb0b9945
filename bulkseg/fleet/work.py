"""One job in a worker: its run, in a thread and an event loop of its own, and how it ends or is put back.

So whatever holds up one run (a database, a source, a server) holds up neither the others nor the worker's
signs of life, and no fault of a job ends the worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from signal import Signals
from typing import Any

from bulkseg import pipeline
from bulkseg.apart import Apart
from bulkseg.checkpoint import Terms as LeaseTerms
from bulkseg.eloqua.sites import load_worker_site
from bulkseg.errors import BulksegError, CheckpointBusy, CheckpointLost, ConfigError, Stopped, innermost
from bulkseg.fleet.engine import is_away
from bulkseg.fleet.order import Order
from bulkseg.fleet.records import CANCELLED, End
from bulkseg.fleet.schema import connected
from bulkseg.fleet.terms import Terms
from bulkseg.job import Job, load_job, with_source
from bulkseg.location import Database
from bulkseg.log import get_logger
from bulkseg.observe import Tally
from bulkseg.parcel import table, unpacked
from bulkseg.progress.lines import Lines
from bulkseg.progress.numbers import Meter
from bulkseg.redact import secrets
from bulkseg.stop import Stop
from bulkseg.summary import Summary


class PutBack(Exception):
    """The job is not over: it goes back to the queue, to be taken again after so many seconds."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds
        self.why = why


class Work:
    """A job that this worker has taken; `again` where another has begun it."""

    def __init__(self, number: int, order: Order, database: Database, terms: Terms, *, again: bool) -> None:
        self._number = number
        self._order = order
        self._database = database
        self._terms = terms
        self._again = again
        self._stop = Stop()
        self._cancelled = False
        self._drained: int | None = None
        self._watch = _Watch(order)
        self._apart: Apart[Summary] | None = None

    async def end(self) -> End:
        """Runs it, and gives its end. A task that is cancelled stops the run first. Raises PutBack."""
        self._apart = Apart(self._provision, over=lambda: None)
        if self._drained is not None:
            self._request(self._drained)
        over = asyncio.wrap_future(self._apart.end)
        while not over.done():
            try:
                await asyncio.wait([over])
            except asyncio.CancelledError:
                self._cancelled = True
                self._apart.call_soon(partial(self._stop.fail, Stopped(CANCELLED)))
        error = over.exception()
        return self._failed(innermost(error)) if isinstance(error, Exception) else self._ended(over.result())

    def drain(self, signum: int) -> None:
        """The worker is told to stop: what is under way is recorded, and the job put back."""
        self._drained = signum
        if self._apart is not None:
            self._request(signum)

    def progress(self) -> Mapping[str, Any] | None:
        """How far it is, None before it has begun."""
        return self._watch.progress_now()

    def _request(self, signum: int) -> None:
        if self._apart is not None:
            self._apart.call_soon(partial(self._stop.request, signum))

    async def _provision(self) -> Summary:
        with ExitStack() as held:
            held.callback(self._watch.close)
            job = self._read(held)
            options = self._order.options(self._database, again=self._again)
            self._watch.checking(job.name)
            return await pipeline.run(
                job,
                options,
                load_worker_site(job.site, self._database),
                observer=self._watch,
                stop=self._stop,
                terms=LeaseTerms(lease=self._terms.lease),
            )

    def _read(self, held: ExitStack) -> Job:
        """The job, from where it lies, or unpacked for as long as `held` lasts."""
        if not self._order.embedded:
            return self._order.job()
        with connected(self._database) as connection:
            parcel = table.get(connection, self._number)
        if parcel is None:
            raise ConfigError("its files are no more in the database: submit it again")
        there = held.enter_context(unpacked(parcel))
        return with_source(load_job(there.job, self._order.vars), there.source)

    def _ended(self, summary: Summary) -> End:
        if self._stop.error is not None and not self._cancelled:
            self._put_back_for(self._stop.error)
        if self._drained is not None and self._stop.signum is not None and summary.stopped is not None:
            raise PutBack(0.0, f"its worker was stopped by {Signals(self._drained).name}")
        document = secrets.value(summary.document())
        return End(summary.exit, document["stopped"], document, cancelled=self._cancelled)

    def _failed(self, error: Exception) -> End:
        """It did not begin, or it is a bug."""
        if self._cancelled:
            return End(Stopped.exit_status, CANCELLED, cancelled=True)
        self._put_back_for(error)
        if isinstance(error, Stopped) and self._drained is not None and self._stop.signum is not None:
            raise PutBack(0.0, f"its worker was stopped by {Signals(self._drained).name}") from error
        if isinstance(error, BulksegError):
            said = secrets.text(str(error))
            self._watch.log.warning("fleet_job_failed", error=said)
            return End(error.exit_status, said)
        self._watch.log.error("fleet_job_failed", exc_info=error)
        return End(1, secrets.text(f"a bug in bulkseg: {type(error).__name__}: {error}"))

    def _put_back_for(self, error: Exception) -> None:
        """Where it is no fault of the job's: somebody else holds its checkpoint, or the database is away."""
        if isinstance(error, CheckpointBusy | CheckpointLost):
            raise PutBack(self._terms.again, secrets.text(str(error))) from error
        if is_away(error):
            raise PutBack(min(1.0, self._terms.again), "the database was away") from error


class _Watch(Lines):
    """Writes the lines of a run, each with its job and site, and knows how far it is."""

    def __init__(self, order: Order) -> None:
        self.log = get_logger().bind(job=order.name, site=order.site)
        super().__init__(self.log)
        self._reader: tuple[int, Meter] | None = None

    def started(self, job: str, run: int, tally: Tally) -> None:
        """From here on there is something to tell. A meter is for one reader: the lines have another."""
        super().started(job, run, tally)
        self._reader = (run, Meter(tally, time.monotonic))

    def progress_now(self) -> Mapping[str, Any] | None:
        """How far it is."""
        if self._reader is None:
            return None
        run, meter = self._reader
        return {"run": run, **meter.read().fields()}
