"""One run over an open checkpoint: the stages put together, from the first request to the summary.

In this order: what stood there before, the canaries, all that is open, and a last look for twins. What an
earlier run left in doubt is looked into from the start, beside the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bulkseg.answers import segment_of
from bulkseg.canary import read_back, refusal
from bulkseg.checkpoint import Checkpoint, Doubt, Standing
from bulkseg.clock import Clock, steady
from bulkseg.dispatch import WATCH, Dispatcher
from bulkseg.eloqua.client import Eloqua
from bulkseg.errors import BulksegError, CheckpointLost, Stopped, StorageFull
from bulkseg.evidence import Evidence
from bulkseg.exists import Policy, taken
from bulkseg.feed import Page, first_of, open_tasks, pages, pages_of, threaded
from bulkseg.folders import Folders
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Limits
from bulkseg.listing import ListingFailed, Stock, list_into
from bulkseg.model import InDoubt, Record, Spec, State, Task
from bulkseg.observe import Observer, Tally
from bulkseg.outcome import Hold, Retry
from bulkseg.pace import Pace
from bulkseg.placing import placed, wanted
from bulkseg.placing import settle as settle_folders
from bulkseg.planning import RunOptions, Surveyed
from bulkseg.reconcile import Lost
from bulkseg.reconciler import Reconciler, Rules, Settle
from bulkseg.reread import Found
from bulkseg.stop import Stop
from bulkseg.summary import Requests, Summary, exit_status
from bulkseg.trial import Trial

# So many specs of a template may fail one after the other before the rest goes without a canary.
CANARY_ROUNDS = 5
LEFT_IN_DOUBT = "an earlier run ended while this was under way: it may have been made"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is given: the job's limits and wishes, and what it works with."""

    job: str
    limits: Limits
    if_exists: Policy
    options: RunOptions
    surveyed: Surveyed
    checkpoint: Checkpoint
    server: Eloqua
    user_id: str | None
    login: str
    observer: Observer
    stop: Stop
    clock: Clock


class Running:
    """One run. Every part of it sends through one gateway, so that the site has one rate."""

    def __init__(self, setting: Setting) -> None:
        self._set = setting
        self._checkpoint = setting.checkpoint
        self._facts = setting.checkpoint.facts
        # Times of one run follow from each other, whoever sets the clock meanwhile.
        self._clock = steady(setting.clock)
        self._stop = setting.stop
        self._tally = Tally()
        self._health = Health(setting.limits.max_failures, setting.limits.give_up_after, self._clock)
        self._gateway = Gateway(
            server=setting.server,
            pace=Pace(setting.limits.rate, clock=self._clock),
            health=self._health,
            observer=setting.observer,
            tally=self._tally,
            clock=self._clock,
            stop=setting.stop,
        )
        self._folders: Mapping[str, str] = {}
        self._number = 0
        self._twins = False
        # Who has been handed to the dispatcher out of turn is not read from the checkpoint again, where it
        # is open once more while it waits to be sent anew.
        self._ahead: set[int] = set()

    async def find_folders(self) -> None:
        """Finds the folders that open specs name by path; to be called before `go`.

        Raises:
            InputError: one is missing, and is not to be made.
            Stopped: they cannot be listed, or one cannot be made.
        """
        if not self._set.surveyed.expander.foldered:
            return
        needed = await asyncio.to_thread(lambda: wanted(self._expanded(self._checkpoint.open_specs)))
        doubts = await asyncio.to_thread(lambda: wanted(self._expanded(pages_of(self._facts.in_doubt()))))
        if needed or doubts:
            limits, clock = self._set.limits, self._clock
            folders = Folders(
                self._set.server,
                self._gateway,
                settle=limits.settle,
                max_attempts=limits.max_attempts,
                clock=clock,
            )
            display, make = self._set.surveyed.source.display, self._set.options.make_folders
            self._folders = await settle_folders(folders, needed, doubts, display, make=make)

    async def go(self) -> Summary:
        """Runs until nothing is left to do, or a stop is asked for."""
        doubts = self._facts.in_doubt()
        self._tally.total = self._to_do() + len(doubts)
        began = self._clock.monotonic()
        self._number = self._checkpoint.begin_run(
            self._clock.now(),
            self._set.surveyed.today,
            self._set.user_id,
            login=self._set.login,
            began=began,
            boot=self._clock.boot(),
        )
        self._set.observer.started(self._set.job, self._number, self._tally)
        if changed := self._set.surveyed.plan.changed_total:
            self._set.observer.notice("specs_changed", count=changed, hint="made already, so not sent")
        try:
            if self._tally.total:
                await self._work(doubts)
        except Stopped as error:
            self._stop.fail(error)
        summary = self._put_down(self._clock.monotonic() - began)
        self._set.observer.ended(summary.document())
        return summary

    def _put_down(self, seconds: float) -> Summary:
        """The summary, kept in the checkpoint; it is told as well where that does not take it."""
        summary = self._summary(seconds)
        try:
            self._checkpoint.end_run(self._number, summary.document(), self._clock.now())
        except (CheckpointLost, StorageFull) as error:
            self._stop.fail(error)
            return self._summary(seconds)
        return summary

    def _to_do(self) -> int:
        waiting, limit = self._checkpoint.count_open(), self._set.options.limit
        return waiting if limit is None else min(waiting, limit)

    async def _work(self, doubts: Sequence[Doubt]) -> None:
        await self._take_stock()
        bodies = await asyncio.to_thread(self._bodies, doubts)
        found = Found()

        def settle(step: Record | Retry, task: Task) -> None:
            found.note(step, task)
            # Each needs the other: the dispatcher is there by the time that anything is settled.
            dispatcher.settle(step, task)

        def hold(step: Hold) -> None:
            if isinstance(step.outcome, InDoubt):
                trial.doubt(step.task.id)
            reconciler.hold(step)

        reconciler = self._reconciler(settle)
        dispatcher = self._dispatcher(hold)
        async with asyncio.TaskGroup() as group:
            trial = Trial(self._read_back, stop=self._stop, group=group)
            beside = [group.create_task(one) for one in (self._find_out(reconciler), self._watch_store())]
            for doubt in doubts:
                dispatcher.expect()
                self._take_up(doubt, bodies.get(doubt.task.id), reconciler)
            await dispatcher.run(self._source(dispatcher, trial))
            for one in beside:
                one.cancel()
            trial.close()
        if not self._stop.requested:
            hands, warn = self._set.limits.concurrency, self._checkpoint.warn
            await found.read(self._set.server, self._gateway.ask, warn, hands=hands, stop=self._stop)
            await self._look_for_twins(reconciler)

    async def _find_out(self, reconciler: Reconciler) -> None:
        try:
            await reconciler.work()
        except Stopped as error:
            self._stop.fail(error)  # where one was asked for already, that one counts

    async def _watch_store(self) -> None:
        """Tells that what is to be written waits for a database, and when it does no more."""
        away_since: float | None = None
        try:
            while True:
                away_since = self._tell_of_store(away_since)
                await self._clock.sleep(WATCH)
        finally:
            self._tell_of_store(away_since)  # what it waited for may have been the last there was to write

    def _tell_of_store(self, away_since: float | None) -> float | None:
        why, now = self._checkpoint.away, self._clock.monotonic()
        if why is not None and away_since is None:
            self._set.observer.notice("database_away", error=why)
            return now
        if why is None and away_since is not None:
            self._set.observer.notice("database_back", seconds=round(now - away_since))
            return None
        return away_since

    def _dispatcher(self, hold: Callable[[Hold], None]) -> Dispatcher:
        return Dispatcher(
            site=self._gateway,
            ledger=self._checkpoint,
            health=self._health,
            observer=self._set.observer,
            tally=self._tally,
            clock=self._clock,
            stop=self._stop,
            concurrency=self._set.limits.concurrency,
            hold=hold,
        )

    def _reconciler(self, settle: Settle) -> Reconciler:
        limits = self._set.limits
        return Reconciler(
            api=self._set.server,
            ask=self._gateway.ask,
            evidence=Evidence(self._facts, self._clock),
            settle=settle,
            rules=Rules(
                settle=limits.settle,
                timeout=limits.timeout,
                give_up_after=limits.give_up_after,
                max_attempts=limits.max_attempts,
                if_exists=self._set.if_exists,
            ),
            expecting=self._expecting,
            run=self._number,
            clock=self._clock,
        )

    def _expecting(self) -> bool:
        """Whether something is or will be sent of which an answer is still to come."""
        return self._tally.total > self._tally.done + self._tally.waiting

    # --- What stood there before ------------------------------------------------------------------------

    async def _take_stock(self) -> None:
        """Lists what the server holds, and ends the specs whose name is taken, before anything is sent."""
        if self._checkpoint.count_open() and self._set.if_exists != "ignore":
            stock = Stock(self._checkpoint, self._number)
            await list_into(self._set.server, self._gateway.ask, stock)
        for standing in await asyncio.to_thread(lambda: list(self._facts.standing(self._number))):
            record = self._taken(standing)
            if record is not None:
                await self._checkpoint.record([record])
                self._end(standing.task, record)

    def _taken(self, standing: Standing) -> Record | None:
        return taken(
            standing.task,
            self._set.if_exists,
            standing.ids,
            self._clock.now(),
            holder=standing.holder,
            in_doubt=standing.in_doubt,
        )

    def _end(self, task: Task, record: Record) -> None:
        self._tally.count(record.state)
        if record.error is not None:
            self._set.observer.failed(task.spec, record.state, record.error, record.request_id)

    # --- What an earlier run left -----------------------------------------------------------------------

    def _take_up(self, doubt: Doubt, spec: Spec | None, reconciler: Reconciler) -> None:
        """Has a doubt looked into; it is sent again only as it was, by the `spec` the source still has."""
        self._ahead.add(doubt.task.id)
        unchanged = spec is not None and spec.hash == doubt.task.spec.hash
        reconciler.take(
            replace(doubt.task, spec=spec) if spec is not None and unchanged else doubt.task,
            _lost(doubt),
            InDoubt(doubt.error or LEFT_IN_DOUBT),
            resend=unchanged,
            given_up=doubt.given_up,
        )

    def _bodies(self, doubts: Sequence[Doubt]) -> dict[int, Spec]:
        """The specs in doubt as the source has them now, with their bodies, by their number."""
        return {task.id: task.spec for batch in self._tasks(pages_of(doubts)) for task in batch}

    # --- What is open -----------------------------------------------------------------------------------

    def _tasks(self, page: Page) -> Iterator[list[Task]]:
        """As they are to be sent."""
        tasks = self._expanded(page)
        return placed(tasks, self._folders) if self._set.surveyed.expander.foldered else tasks

    def _expanded(self, page: Page) -> Iterator[list[Task]]:
        return open_tasks(self._set.surveyed.source, self._set.surveyed.expander, page)

    async def _source(self, dispatcher: Dispatcher, trial: Trial) -> AsyncIterator[Sequence[Task]]:
        """The canaries, one at a time, then all that is open; no more than the call's limit."""
        left = self._to_do()
        try:
            if self._set.options.canary:
                async for task in self._canaries(left):
                    left -= 1
                    end = dispatcher.end_of(task)
                    yield [task]
                    await trial.alone(task, end)
            async for batch in threaded(first_of(self._open_tasks(), left)):
                yield batch
        except BulksegError as error:
            # Also a source that breaks off now, though it was whole when it was checked.
            self._stop.fail(error if isinstance(error, Stopped) else Stopped(f"{error}; run again"))

    def _open_tasks(self) -> Iterator[list[Task]]:
        for batch in self._tasks(self._checkpoint.open_specs):
            yield [task for task in batch if task.id not in self._ahead]

    async def _canaries(self, most: int) -> AsyncIterator[Task]:
        """The first open spec of each template of which nothing was made yet; another if that one failed."""
        for _ in range(CANARY_ROUNDS):
            for task in await asyncio.to_thread(self._untried, most):
                if self._stop.requested:
                    return
                self._ahead.add(task.id)
                most -= 1
                yield task

    def _untried(self, most: int) -> list[Task]:
        untried = [found for found in self._facts.untried() if found.id not in self._ahead]
        # Where there is none, the source need not be opened: a workbook takes its time.
        return list(chain.from_iterable(self._tasks(pages(untried[:most])))) if untried else []

    async def _read_back(self, task: Task, record: Record) -> None:
        if record.state is not State.CREATED or record.segment_id is None:
            return
        segment_id = record.segment_id
        answer = await self._gateway.ask(lambda: self._set.server.get(segment_id))
        found = segment_of(answer.body)
        if found is None:
            raise refusal(task.spec, segment_id, ("it cannot be read back",))
        seen = read_back(task.spec, found)
        for warning in seen.others:
            if warning not in (record.warning or ""):
                self._checkpoint.warn(task.id, warning)
        if seen.serious and not self._set.options.accept_warnings:
            raise refusal(task.spec, segment_id, seen.serious)

    # --- The end ----------------------------------------------------------------------------------------

    async def _look_for_twins(self, reconciler: Reconciler) -> None:
        try:
            twins = await reconciler.twins()
        except ListingFailed as error:
            self._set.observer.notice("twins_not_looked_for", error=str(error))
            return
        for task, ids in twins:
            self._twins = True
            self._checkpoint.warn(task.id, f"made twice: the server also has {', '.join(ids)}; delete one")
            self._set.observer.notice("twin", key=task.spec.key, name=task.spec.name, also=ids)

    def _summary(self, seconds: float) -> Summary:
        states = self._checkpoint.counts()
        plan, tally = self._set.surveyed.plan, self._tally
        return Summary(
            job=self._set.job,
            checkpoint=self._checkpoint.place,
            run=self._number,
            rows=plan.rows,
            specs=plan.specs,
            states=states,
            requests=Requests(tally.sent, tally.searches, tally.throttled, tally.retried),
            seconds=seconds,
            stopped=self._stop.why,
            exit=exit_status(self._stop, tally, states, twins=self._twins),
        )


def _lost(doubt: Doubt) -> Lost:
    spec = doubt.task.spec
    return Lost(doubt.task.id, spec.name, spec.folded, spec.action, doubt.intent_run, doubt.task.intended_at)
