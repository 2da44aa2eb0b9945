"""The loop: a fixed set of workers sends what has an intent, one feeder keeps the pace, a stop drains it.

A task is in one place at a time: with the intake, in a worker's hands, with the recorder, waiting for its
next try, or held in doubt. It leaves when its outcome is durable; the run is over when none is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.health import Health
from bulkseg.intake import Intake
from bulkseg.model import (
    Outcome,
    Record,
    SourceMissing,
    Spec,
    State,
    Task,
)
from bulkseg.observe import Observer, Tally
from bulkseg.outcome import Hold, Retry, failed, next_step, pending
from bulkseg.recorder import Ledger, Recorder
from bulkseg.stop import Stop

# Seconds between two looks at the health of the run and of the pace.
WATCH = 0.25


class Site(Protocol):
    """What the dispatcher asks of the site that it sends to."""

    async def turn(self) -> None:
        """Returns when one more request may leave."""

    def try_turn(self) -> bool:
        """Takes a turn where nobody has to wait for one; whether it did."""

    async def send(self, spec: Spec) -> Outcome:
        """One create or copy request. Never raises for the network."""

    def look(self) -> None:
        """To be called now and then."""


def _nothing() -> None:
    """For a task whose intent has no place to free, or no more."""


class Dispatcher:
    """Sends tasks and sees each to its end. Everything that it works with is handed in.

    `hold` takes what is in doubt; whoever looks into it calls `settle` with what was found in the end.
    """

    def __init__(
        self,
        *,
        site: Site,
        ledger: Ledger,
        health: Health,
        observer: Observer,
        tally: Tally,
        clock: Clock,
        stop: Stop,
        concurrency: int,
        hold: Callable[[Hold], None],
    ) -> None:
        self._site = site
        self._health = health
        self._observer = observer
        self._tally = tally
        self._clock = clock
        self._stop = stop
        self._concurrency = concurrency
        self._hold = hold
        # What is on its way in may be as much as what is under way: see the promise on specs in doubt.
        self._intake = Intake(ledger, most=2 * concurrency, admit=self._admit, stop=stop, clock=clock)
        self._recorder = Recorder(ledger, stop=stop, clock=clock)
        self._open = 0
        self._exhausted = False
        self._over = asyncio.Event()
        self._slots = asyncio.Semaphore(concurrency)
        self._handoff: asyncio.Queue[Task] = asyncio.Queue()
        self._missing: dict[str, SourceMissing] = {}
        self._awaited: dict[int, asyncio.Future[Record]] = {}

    async def run(self, source: AsyncIterator[Sequence[Task]]) -> None:
        """Sends every task of `source` and returns when all have ended.

        Once a stop is asked for: when what is in flight has been answered and recorded.
        """
        async with asyncio.TaskGroup() as group:
            ending = [group.create_task(self._intake.work()), group.create_task(self._recorder.work())]
            endless = [
                group.create_task(one)
                for one in (self._read(source), self._feed(), self._watch(), self._heed_stop())
            ]
            hands = [group.create_task(self._work()) for _ in range(self._concurrency)]
            await self._over.wait()
            _cancel(endless)
            self._intake.close()
            await ending[0]
            await self._handoff.join()
            _cancel(hands)
            for task in self._intake.leftover():
                self._recorder.put(pending(task, self._clock.now()), _nothing, _nothing)
            self._recorder.close()

    def end_of(self, task: Task) -> asyncio.Future[Record]:
        """The record with which `task` will end; to be asked for before the task is given to be sent."""
        end = self._awaited[task.id] = asyncio.get_running_loop().create_future()
        return end

    def expect(self) -> None:
        """One task more is held in doubt from an earlier run: the run is not over before it is settled."""
        self._open += 1
        self._tally.waiting += 1

    def settle(self, step: Record | Retry, task: Task) -> None:
        """What became of a task that was held in doubt."""
        self._tally.waiting -= 1
        self._take(step, task, _nothing)

    def _take(self, step: Record | Retry, task: Task, settle: Callable[[], None]) -> None:
        """Has the step written down; only once that is durable, the task ends or is tried again.

        A retry takes the intent back on disk first: a crash while it waits leaves no doubt, and no later
        intent can be overtaken by this record. `settle` frees the intent's place, where it still has one, as
        soon as the record is on its way: the intent that takes the place is not on disk before it.
        """
        if isinstance(step, Record):
            self._recorder.put(step, settle, partial(self._ended, task, step))
        else:
            self._tally.waiting += 1
            self._recorder.put(pending(step.task, self._clock.now()), settle, partial(self._wait, step))

    async def _read(self, source: AsyncIterator[Sequence[Task]]) -> None:
        await self._intake.read(self._counted(source))
        self._exhausted = True
        self._check_over()

    async def _counted(self, source: AsyncIterator[Sequence[Task]]) -> AsyncIterator[Sequence[Task]]:
        async for batch in source:
            self._open += len(batch)
            yield batch

    async def _feed(self) -> None:
        # A worker has to be free before a place in the rate is taken: else places pile up and leave at once.
        while True:
            await self._slots.acquire()
            await self._intake.available()
            await self._site.turn()
            self._handoff.put_nowait(await self._intake.take())

    async def _work(self) -> None:
        while True:
            task: Task | None = await self._handoff.get()
            while task is not None:
                self._tally.in_flight += 1
                await self._send(task)
                self._tally.in_flight -= 1
                task = self._next()
            self._slots.release()
            self._handoff.task_done()

    def _next(self) -> Task | None:
        """The next task for the same worker, where one may leave at once.

        The feeder would hand it over two turns of the loop later, which is a part of a request's time.
        Nothing is waited for here: a stop may come at any time, and must find all in its place.
        """
        if self._over.is_set() or not (self._intake.ready and self._site.try_turn()):
            return None
        return self._intake.pick()

    async def _send(self, task: Task) -> None:
        if not self._admit(task, self._intake.settle):
            return
        self._tally.retried += task.attempts + task.throttled > 1
        outcome = await self._site.send(task.spec)
        step = next_step(task, outcome, now=self._clock.now(), chance=self._clock.chance())
        match step:
            case Record():
                if isinstance(outcome, SourceMissing):
                    self._missing[task.spec.source_id] = outcome
                self._take(step, task, self._intake.settle)
            case Retry():
                self._take(step, task, self._intake.settle)
            case Hold():
                self._tally.waiting += 1
                self._hold(step)
                self._intake.settle()

    def _admit(self, task: Task, settle: Callable[[], None] = _nothing) -> bool:
        """Whether the task may be sent: a copy of what is known not to exist ends here."""
        missing = self._missing.get(task.spec.source_id)
        if missing is not None:
            self._take(failed(task, missing, self._clock.now()), task, settle)
        return missing is None

    def _wait(self, step: Retry) -> None:
        asyncio.get_running_loop().call_later(step.wait, self._again, step.task)

    def _again(self, task: Task) -> None:
        self._tally.waiting -= 1
        self._intake.again(task)

    def _ended(self, task: Task, record: Record) -> None:
        self._open -= 1
        refused = record.state is State.FAILED
        self._health.count(failed=refused, forbidden=refused and record.http_status == HTTPStatus.FORBIDDEN)
        self._tally.count(record.state)
        if record.error is not None:
            self._site.look()
            self._observer.failed(task.spec, record.state, record.error, record.request_id)
        if (end := self._awaited.pop(task.id, None)) is not None:
            end.set_result(record)
        self._check_over()

    def _check_over(self) -> None:
        if self._exhausted and not self._open:
            self._over.set()

    async def _heed_stop(self) -> None:
        await self._stop.wait()
        self._over.set()

    async def _watch(self) -> None:
        while True:
            self._site.look()
            await self._clock.sleep(WATCH)


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
