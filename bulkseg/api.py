"""bulkseg for programs: plan a job, run it, and be told of it, in a notebook as in Airflow or Dagster.

A run goes on in a thread of its own, with an event loop of its own. So a caller that is busy makes no answer
late, and a caller that is cancelled or interrupted breaks no request off: the run is asked to stop, and what
is under way is recorded first. No handler of signals is installed, and nothing is printed.

What keeps a run from beginning is raised. A run that has begun gives its Summary, whatever it came to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import wait
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Self

from bulkseg import pipeline
from bulkseg.apart import Apart
from bulkseg.eloqua.sites import Site, load_site
from bulkseg.errors import BulksegError, Stopped, innermost
from bulkseg.event import Event, EventLog
from bulkseg.find import JobLike, job_of
from bulkseg.planning import Plan, RunOptions
from bulkseg.progress.lines import EVERY, Lines
from bulkseg.stop import Stop
from bulkseg.summary import Summary

CALLED_OFF = "called off by the program that began it"

# None comes last, when the run is over.
Tell = Callable[[Event | None], None]


def plan(job: JobLike, *, options: RunOptions = RunOptions()) -> Plan:  # noqa: B008  # frozen
    """Reads and checks a whole job; sends nothing, changes nothing, needs no credentials.

    Args:
        job: a Job, or the path of a job file or of a data file.
        options: what a call says beyond the job.

    Raises:
        InputError: with everything that is wrong in the job and its source.
        ConfigError: an option has a value that cannot be.
        CheckpointError: the checkpoint that is there cannot be this job's.
    """
    return pipeline.plan(job_of(job), options)


async def run(
    job: JobLike,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
    site: Site | None = None,
    on_event: Callable[[Event], None] | None = None,
    every: float = EVERY,
) -> Summary:
    """Runs a job, or goes on where its last run stopped; asks nobody before it sends.

    A task that is cancelled ends when what is under way is recorded. Cancelled once more it ends at once; the
    rest is then recorded behind its back, and a run that is begun meanwhile is told CheckpointBusy.

    Args:
        job: a Job, or the path of a job file or of a data file.
        options: what a call says beyond the job.
        site: whose credentials; by default those in the environment, as for the command line.
        on_event: called with each event, in the caller's loop. What it raises stops the run, and comes out.
        every: seconds between two `progress` events.

    Returns:
        What the run came to. Its `exit` is 0 where all that it was to do is done, `stopped` says why it ended
        early.

    Raises:
        InputError: what is wrong in the job and its source; nothing was sent, as with all that follow.
        ConfigError: credentials or options are missing or wrong.
        CheckpointError: the checkpoint cannot be used; CheckpointBusy: another run holds it.
        SignInRefused: the site does not let us in.
        ServerGone: it has not answered the sign-in for `give_up_after`.
    """
    async with start(job, options=options, site=site, every=every) as ongoing:
        async for event in ongoing:
            if on_event is not None:
                on_event(event)
        return await ongoing.summary()


def run_sync(
    job: JobLike,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
    site: Site | None = None,
    on_event: Callable[[Event], None] | None = None,
    every: float = EVERY,
) -> Summary:
    """As `run`, for a caller without an event loop; `on_event` is called in the caller's thread.

    Whatever is raised in the caller while it waits (KeyboardInterrupt, or what a scheduler raises to end a
    task) comes out when what is under way is recorded; a second time, at once.

    Raises:
        RuntimeError: an event loop is running in this thread, as in a notebook.
        BulksegError: as `run`.
    """
    _refuse_running_loop()
    events: SimpleQueue[Event | None] = SimpleQueue()
    work = _Work(_Order(job, options, site, every), events.put)
    try:
        for event in iter(events.get, None):
            if on_event is not None:
                on_event(event)
        return work.end.result()
    except BaseException:
        work.stop()
        wait([work.end])
        raise


@asynccontextmanager
async def start(
    job: JobLike,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
    site: Site | None = None,
    every: float = EVERY,
) -> AsyncIterator[OngoingRun]:
    """Begins a run that goes on beside what the block does; `async for` over it gives its events.

    The block is left when the run is over: its end waits for that, also after a `break`. An exception that
    leaves the block stops the run first, as cancelling `run` does. Takes and raises what `run` does.
    """
    ongoing = OngoingRun(_Order(job, options, site, every))
    try:
        yield ongoing
        await ongoing.summary()
    except BaseException:
        ongoing.stop()
        # What the block raised goes on; what the run came to meanwhile is on record.
        with suppress(BulksegError):
            await ongoing.summary()
        raise


class OngoingRun:
    """A run that `start` has begun. Its events are kept until somebody asks: it waits for nobody who listens.

    They are few (failures, what a site does, one now and then on how far it is), so they are all kept.
    """

    def __init__(self, order: _Order) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._work = _Work(order, self._tell)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)  # for whoever asks once more
            raise StopAsyncIteration
        return event

    def stop(self) -> None:
        """Has it end early: what is under way is finished and recorded, nothing more is sent."""
        self._work.stop()

    async def summary(self) -> Summary:
        """Waits for its end and gives what it came to. Whoever gives up waiting does not stop it.

        Raises:
            BulksegError: what kept it from beginning, as `run`; Stopped after a `stop` that came so early.
        """
        return await asyncio.wrap_future(self._work.end)

    def _tell(self, event: Event | None) -> None:
        # Called in the run's thread, which must not fail for a caller who has closed the loop and gone.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a run is begun with."""

    job: JobLike
    options: RunOptions
    site: Site | None
    every: float


class _Work:
    """The run itself, apart. `tell` is called in its thread; `end` holds what it came to."""

    def __init__(self, order: _Order, tell: Tell) -> None:
        self._stop = Stop()
        self._apart = Apart(partial(_provision, order, tell, self._stop), over=partial(tell, None))
        self.end = self._apart.end

    def stop(self) -> None:
        """Has it end early. May be called from any thread, at any time."""
        self._apart.call_soon(partial(self._stop.fail, Stopped(CALLED_OFF)))


async def _provision(order: _Order, tell: Tell, stop: Stop) -> Summary:
    job = job_of(order.job)
    site = order.site or load_site(job.site)
    with closing(Lines(EventLog(tell), every=order.every)) as observer:
        observer.checking(job.name)
        try:
            return await pipeline.run(job, order.options, site, observer=observer, stop=stop)
        except ExceptionGroup as group:
            raise innermost(group) from group


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "run_sync would hold up the event loop that is running in this thread (a notebook has one): "
        "write `await run(...)` there"
    )
