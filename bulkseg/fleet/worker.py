"""A worker: takes jobs of up to so many sites at once, and looks after those of workers that are no more."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from signal import Signals
from typing import Any

import procrastinate
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker as Engine

from bulkseg.errors import ConfigError, Stopped
from bulkseg.fleet.engine import QUEUE, TASK, Patience, PatientConnector, is_away
from bulkseg.fleet.order import Order
from bulkseg.fleet.records import CANCELLED, End, Records
from bulkseg.fleet.schema import connected
from bulkseg.fleet.sweep import Sweeper, Takings
from bulkseg.fleet.terms import Terms
from bulkseg.fleet.work import PutBack, Work
from bulkseg.location import Database
from bulkseg.log import get_logger

# procrastinate prunes at once what is silent for so long; here that is left to who has listened for a while.
_NEVER = 10 * 365 * 86_400.0

_log = get_logger()


class Worker:
    """Runs until it is told to stop."""

    def __init__(self, database: Database, sites: int, terms: Terms) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._database = database
        self._sites = sites
        self._terms = terms
        self._running: dict[int, tuple[int, Work]] = {}
        self._patience = Patience()
        self._connector = PatientConnector(database, self._patience)
        self._records = Records(self._connector, self.name, sites, self._progress)
        self._engine = self._procrastinate()
        self._signum: int | None = None

    async def run(self) -> None:
        """Takes and runs jobs, until `drain` and all that it has is put back.

        Raises ConfigError where the database is not made ready for a fleet, CheckpointError where it cannot
        be reached at the start, and Stopped where it can be used no more.
        """
        await asyncio.to_thread(self._look)
        try:
            await self._patience.over(self._connector.open_async)
            if self._signum is None:
                await self._work()
        except Exception as error:
            # What could not be put back will be, once this worker has not been heard of for a while.
            if self._signum is None or not is_away(error):
                raise
        finally:
            await self._connector.close_async()
        _log.info("worker_ended", worker=self.name)

    async def _work(self) -> None:
        sweeper = Sweeper(self._records, self._patience, self._terms, self._unknown)
        _log.info("worker_started", worker=self.name, sites=self._sites, database=str(self._database))
        sweeping = asyncio.create_task(sweeper.run())
        try:
            await self._engine.run()  # type: ignore[no-untyped-call]
        finally:
            sweeping.cancel()
            await asyncio.wait([sweeping])
        if self._signum is None:
            raise Stopped("the database cannot be used any more; the log says why")

    def drain(self, signum: int) -> None:
        """Takes no more, has each run end what is under way, and puts the jobs back."""
        if self._signum is not None:
            return
        self._signum = signum
        self._patience.seconds = self._terms.hurry
        _log.warning(
            "worker_stopping", worker=self.name, signal=Signals(signum).name, jobs=len(self._running)
        )
        self._engine.stop()  # type: ignore[no-untyped-call]
        for _, work in self._running.values():
            work.drain(signum)

    def _look(self) -> None:
        with connected(self._database):
            pass

    def _procrastinate(self) -> Engine:
        app = procrastinate.App(connector=self._connector)
        app.job_manager = self._records
        app.task(name=TASK, queue=QUEUE, pass_context=True, retry=_PutBackStrategy())(self._provision)
        return Engine(
            app,
            queues=[QUEUE],
            name=self.name,
            concurrency=self._sites,
            fetch_job_polling_interval=self._terms.poll,
            abort_job_polling_interval=self._terms.poll,
            update_heartbeat_interval=self._terms.beat,
            stalled_worker_timeout=_NEVER,
            install_signal_handlers=False,
        )

    async def _provision(self, context: JobContext, /, **document: Any) -> None:
        """One job. Its end, or why it is put back, is left for when procrastinate records it."""
        number = context.job.id
        assert number is not None  # noqa: S101  # it comes from the queue
        try:
            end = await self._ended(context, number, document)
        except PutBack as back:
            self._records.notes[number] = (back.seconds, back.why)
            _log.info(
                "fleet_job_put_back",
                job=document.get("name"),
                site=context.job.lock,
                seconds=back.seconds,
                why=back.why,
            )
            raise
        except asyncio.CancelledError:  # before it had begun
            end = End(3, CANCELLED, cancelled=True)
        self._records.ends[number] = end
        if end.cancelled:
            raise JobAborted

    async def _ended(self, context: JobContext, number: int, document: Mapping[str, Any]) -> End:
        try:
            order = Order.of(document)
        except ConfigError as error:
            return End(error.exit_status, str(error))
        again = await self._records.take(context.job)
        held = await self._records.site_held(order.site, order.name)
        if held is not None:
            other, seconds = held
            raise PutBack(
                min(seconds, self._terms.again), f"{other}, of the same site, is held for {seconds:.0f} s"
            )
        if self._signum is not None:
            raise PutBack(0.0, "its worker was told to stop")
        _log.info("fleet_job_taken", worker=self.name, job=order.name, site=order.site, again=again)
        work = Work(number, order, self._database, self._terms, again=again)
        self._running[number] = (context.job.attempts, work)
        try:
            return await work.end()
        finally:
            del self._running[number]

    def _progress(self) -> Mapping[int, Mapping[str, Any]]:
        told = ((number, attempts, work.progress()) for number, (attempts, work) in self._running.items())
        return {number: {"attempts": attempts, **now} for number, attempts, now in told if now is not None}

    async def _unknown(self) -> Takings:
        worker = self._engine.worker_id
        if worker is None:
            return set()
        before = self._known()
        mine = await self._records.mine(worker)
        return mine - before - self._known()

    def _known(self) -> Takings:
        """Those that run, and those that are about to, or about to be recorded."""
        contexts = self._engine._running_jobs.values()  # noqa: SLF001  # it has no other way to tell
        return {(one.job.id, one.job.attempts) for one in contexts if one.job.id is not None}


class _PutBackStrategy(procrastinate.BaseRetryStrategy):
    """Only what asks for it is put back; when, is said by the record."""

    def get_retry_decision(
        self,
        *,
        exception: BaseException,
        job: Job,  # noqa: ARG002
    ) -> procrastinate.RetryDecision | None:
        """Whether it is put back."""
        return procrastinate.RetryDecision() if isinstance(exception, PutBack) else None
