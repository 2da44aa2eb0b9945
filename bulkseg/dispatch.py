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
from bulkseg.errors import SignInRefused
from bulkseg.health import Health
from bulkseg.intake import Intake
from bulkseg.model import (
    InDoubt,
    NotSent,
    Outcome,
    Record,
    Reply,
    SourceMissing,
    Spec,
    State,
    Task,
    Throttled,
)
from bulkseg.observe import Observer, Tally
from bulkseg.outcome import Hold, Retry, SignIn, failed, judge, next_step, pending
from bulkseg.recorder import Ledger, Recorder
from bulkseg.stop import Stop

# Seconds between two looks at the health of the run and of the pace.
WATCH = 0.25


class Server(Protocol):
    """What the dispatcher asks of the API client. Neither call raises for the network."""

    async def send(self, spec: Spec) -> Reply:
        """One create or copy request."""

    async def renew(self) -> None:
        """Signs in again after a 401.

        Raises:
            SignInRefused: there is nothing left to try.
        """


class Speed(Protocol):
    """What the dispatcher asks of the pace. `allowed` is the present rate in requests a second."""

    @property
    def allowed(self) -> float:
        """The present rate, in requests a second."""

    @property
    def why(self) -> str:
        """Why it is lower than the job's rate, or empty."""

    async def turn(self) -> None:
        """Returns when one more request may leave."""

    def pause(self, seconds: float, why: str) -> None:
        """Nothing leaves for so many seconds."""

    def accepted(self) -> None:
        """The server bore a request."""

    def throttled(self, left_at: float, retry_after: float | None) -> bool:
        """A 429 came; True if it begins a new burst."""


class Dispatcher:
    """Sends tasks and sees each to its end. Everything that it works with is handed in.

    `hold` takes what is in doubt; whoever looks into it calls `settle` with what was found in the end.
    """

    def __init__(
        self,
        *,
        server: Server,
        ledger: Ledger,
        pace: Speed,
        health: Health,
        observer: Observer,
        tally: Tally,
        clock: Clock,
        stop: Stop,
        concurrency: int,
        hold: Callable[[Hold], None],
    ) -> None:
        self._server = server
        self._pace = pace
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
        self._renewing = asyncio.Lock()
        self._renewed_at = float("-inf")

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
                self._recorder.put(pending(task, self._clock.now()), _nothing)
            self._recorder.close()

    def settle(self, step: Record | Retry, task: Task) -> None:
        """What became of a task that was held in doubt."""
        self._tally.waiting -= 1
        self._take(step, task, _nothing)

    def _take(self, step: Record | Retry, task: Task, settle: Callable[[], None]) -> None:
        """Has the step written down; only once that is durable, the task ends or is tried again.

        A retry takes the intent back on disk first: a crash while it waits leaves no doubt, and no later
        intent can be overtaken by this record. `settle` frees the intent's place, where it still has one.
        """
        if isinstance(step, Record):
            self._recorder.put(step, partial(self._ended, task, step, settle))
        else:
            self._tally.waiting += 1
            self._recorder.put(pending(step.task, self._clock.now()), partial(self._wait, step, settle))

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
            await self._intake.available()
            await self._slots.acquire()
            await self._pace.turn()
            self._handoff.put_nowait(await self._intake.take())

    async def _work(self) -> None:
        while True:
            task = await self._handoff.get()
            self._tally.in_flight += 1
            await self._send(task)
            self._tally.in_flight -= 1
            self._slots.release()
            self._handoff.task_done()

    async def _send(self, task: Task) -> None:
        left_at = self._clock.monotonic()
        self._tally.sent += 1
        self._tally.retried += task.attempts + task.throttled > 1
        outcome = judge(task.spec, await self._server.send(task.spec))
        self._heed(outcome, left_at)
        step = next_step(task, outcome, now=self._clock.now(), chance=self._clock.chance())
        match step:
            case Record():
                if isinstance(outcome, SourceMissing):
                    self._missing[task.spec.source_id] = outcome
                self._take(step, task, self._intake.settle)
            case Retry():
                self._take(step, task, self._intake.settle)
            case SignIn():
                await self._sign_in(left_at)
                self._take(Retry(step.task, 0.0), task, self._intake.settle)
            case Hold():
                self._tally.waiting += 1
                self._hold(step)
                self._intake.settle()

    def _heed(self, outcome: Outcome, left_at: float) -> None:
        """What the outcome says about the server as a whole, whichever spec it was."""
        match outcome:
            case NotSent():
                self._silence(left_at, outcome.error, connected=False)
            case InDoubt() if not outcome.answered:
                self._silence(left_at, outcome.error, connected=True)
                self._pace.pause(outcome.retry_after or 0.0, "the server asked to wait")
            case Throttled():
                self._tally.throttled += 1
                self._answered()
                if self._pace.throttled(left_at, outcome.retry_after):
                    self._observer.notice("throttled", rate=round(self._pace.allowed, 2))
            case _:
                self._answered()
                self._pace.accepted()

    def _silence(self, left_at: float, error: str, *, connected: bool) -> None:
        if self._health.down_since is None:
            self._observer.notice("server_silent", error=error)
        wait = self._health.silent(left_at, connected=connected)
        if wait is not None:
            self._pace.pause(wait, "the server does not answer")

    def _answered(self) -> None:
        if self._health.answered():
            self._observer.notice("server_back")

    def _admit(self, task: Task) -> bool:
        """Whether the task may be sent: a copy of what is known not to exist ends here."""
        missing = self._missing.get(task.spec.source_id)
        if missing is not None:
            self._take(failed(task, missing, self._clock.now()), task, _nothing)
        return missing is None

    async def _sign_in(self, left_at: float) -> None:
        """One new sign-in for all requests that found out that the last one has come to its end."""
        async with self._renewing:
            if self._stop.requested or left_at <= self._renewed_at:
                return
            try:
                await self._server.renew()
            except SignInRefused as error:
                self._stop.fail(error)
            self._renewed_at = self._clock.monotonic()

    def _wait(self, step: Retry, settle: Callable[[], None]) -> None:
        settle()
        asyncio.get_running_loop().call_later(step.wait, self._again, step.task)

    def _again(self, task: Task) -> None:
        self._tally.waiting -= 1
        self._intake.again(task)

    def _ended(self, task: Task, record: Record, settle: Callable[[], None]) -> None:
        settle()
        self._open -= 1
        refused = record.state is State.FAILED
        self._health.count(failed=refused, forbidden=refused and record.http_status == HTTPStatus.FORBIDDEN)
        self._tally.count(record.state)
        if record.error is not None:
            self._observer.failed(task.spec, record.state, record.error, record.request_id)
        self._judge_health()
        self._check_over()

    def _judge_health(self) -> None:
        error = self._health.verdict()
        if error is not None:
            self._stop.fail(error)

    def _check_over(self) -> None:
        if self._exhausted and not self._open:
            self._over.set()

    async def _heed_stop(self) -> None:
        await self._stop.wait()
        self._over.set()

    async def _watch(self) -> None:
        while True:
            self._tally.allowed, self._tally.why = self._pace.allowed, self._pace.why
            self._judge_health()
            await self._clock.sleep(WATCH)


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _nothing() -> None:
    """For a task whose intent has no place to free any more."""
