"""Puts the stages together: `plan` looks at a job, `run` does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from bulkseg.checkpoint import Changed, Checkpoint, Comparison, Draft, put_aside, read
from bulkseg.clock import Clock
from bulkseg.dispatch import Dispatcher
from bulkseg.eloqua.client import Eloqua, connect
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.errors import ConfigError, Stopped
from bulkseg.expand import Expander, compile_job
from bulkseg.feed import first_of, open_tasks, threaded
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Job, Limits
from bulkseg.model import InDoubt, Record, Spec, State, Task
from bulkseg.observe import Observer, Tally
from bulkseg.outcome import Hold, unknown
from bulkseg.pace import Pace
from bulkseg.rows import Source, open_source
from bulkseg.stop import Stop
from bulkseg.summary import Requests, Summary
from bulkseg.survey import Survey, survey

LEFT_IN_DOUBT = "an earlier run ended while this was under way: it may have been made"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a call says beyond its job; None stands for what the job says."""

    checkpoint: Path | None = None
    retry_failed: bool = False
    redo: bool = False
    fresh: bool = False
    limit: int | None = None
    rate: float | None = None
    concurrency: int | None = None
    if_exists: str | None = None
    canary: bool = True
    accept_warnings: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `first` are the first specs; `seconds` the time that the rate alone takes.

    `to_send`, `done` and `not_retried` (refused in an earlier run) count specs of the source, `gone` keys
    that are not in it any more; `changed` were made already and are asked for otherwise now.
    """

    job: str
    checkpoint: Path
    rows: int
    specs: int
    by_template: Mapping[str, int]
    by_action: Mapping[str, int]
    first: tuple[Spec, ...]
    to_send: int
    done: int
    not_retried: int
    changed: tuple[Changed, ...]
    changed_total: int
    gone: int
    rate: float
    seconds: float
    states: Mapping[str, int]
    warnings: tuple[str, ...]


Confirm = Callable[[Plan, Identity], Awaitable[bool]]


def plan(job: Job, options: RunOptions = RunOptions(), *, clock: Clock = Clock()) -> Plan:  # noqa: B008  # frozen
    """Reads and checks the whole job; sends nothing, changes nothing, needs no credentials.

    Raises:
        InputError: with everything that is wrong in the job and its source.
        CheckpointError: the checkpoint that is there cannot be this job's.
    """
    with _surveyed(job, options, clock, look=lambda: None) as looked_at:
        return looked_at.plan


@dataclass(frozen=True, slots=True)
class _Surveyed:
    """Pass 1, done: the open source and draft, and what they came to."""

    source: Source
    expander: Expander
    draft: Draft
    plan: Plan
    today: date


@contextmanager
def _surveyed(job: Job, options: RunOptions, clock: Clock, look: Callable[[], None]) -> Iterator[_Surveyed]:
    path = options.checkpoint or job.checkpoint
    old = path if path.exists() and not options.fresh else None
    with ExitStack() as held:
        source = held.enter_context(closing(open_source(job.sources, job.base)))
        today = _today(old, clock)
        expander = compile_job(job, source.columns, today, source.display)
        draft = held.enter_context(Draft.open())
        found = survey(source, expander, draft, look=look)
        compared = draft.compare(old, retry_failed=options.retry_failed, redo=options.redo)
        made = _plan(job, path, limits_of(job, options), found, compared)
        yield _Surveyed(source, expander, draft, made, today)


def _today(checkpoint: Path | None, clock: Clock) -> date:
    """The day that templates see: that of the checkpoint's first run, so that a re-run makes the same."""
    if checkpoint is not None:
        with read(checkpoint) as reader:
            pinned = reader.meta.today
        if pinned is not None:
            return pinned
    return datetime.fromtimestamp(clock.now()).astimezone().date()


def _plan(job: Job, path: Path, limits: Limits, found: Survey, compared: Comparison) -> Plan:
    return Plan(
        job=job.name,
        checkpoint=path,
        rows=found.rows,
        specs=found.specs,
        by_template=found.by_template,
        by_action=found.by_action,
        first=found.first,
        to_send=compared.to_send,
        done=compared.done,
        not_retried=compared.refused,
        changed=compared.changed,
        changed_total=compared.changed_total,
        gone=compared.gone,
        rate=limits.rate,
        seconds=compared.to_send / limits.rate,
        states={str(state): count for state, count in compared.states.items()},
        warnings=tuple(_warnings(compared)),
    )


def _warnings(compared: Comparison) -> Iterator[str]:
    for one in compared.reserved:
        yield f'{one.file}:{one.line}: "{one.name}" is {one.state} already, under the key {one.holder}'
    if compared.in_doubt:
        yield f"{compared.in_doubt} specs are in doubt from an earlier run: they may have been made"


def limits_of(job: Job, options: RunOptions) -> Limits:
    """The job's limits, with what the call says in their place.

    Raises:
        ConfigError: a value that cannot be.
    """
    named = {"rate": options.rate, "concurrency": options.concurrency}
    said = {name: value for name, value in named.items() if value is not None}
    try:
        Limits.model_validate(said)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ConfigError(f"--{wrong['loc'][0]}: {wrong['msg']}") from error
    return job.limits.model_copy(update=said)


async def run(
    job: Job,
    options: RunOptions,
    site: Site,
    *,
    observer: Observer,
    stop: Stop,
    confirm: Confirm | None = None,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> Summary:
    """Runs the job, or goes on where its last run stopped.

    `confirm` is asked before anything is sent; without it nothing is. A `stop` drains what is in flight.

    Raises:
        InputError: what is wrong in the job and its source; nothing was sent.
        CheckpointError, ConfigError: likewise.
        SignInRefused, ServerGone: nothing was sent, there is no run.
    """
    limits = limits_of(job, options)
    with ExitStack() as held:
        surveyed = await asyncio.to_thread(
            held.enter_context, _surveyed(job, options, clock, partial(_give_up, stop))
        )
        client = connect(site, timeout=limits.timeout, concurrency=limits.concurrency, clock=clock)
        async with client as server:
            identity = await server.sign_in()
            if confirm is not None and not await confirm(surveyed.plan, identity):
                return Summary(job.name, surveyed.plan.checkpoint, stopped="not confirmed; nothing was sent")
            checkpoint = held.enter_context(_opened(job, options, surveyed.plan.checkpoint, clock))
            checkpoint.bind(identity.binding)
            await asyncio.to_thread(_merge, checkpoint, job, options, surveyed)
            return await _Run(limits, checkpoint, surveyed, server, observer, stop, clock).go(job, options)


def _give_up(stop: Stop) -> None:
    if stop.requested:
        raise Stopped(stop.why or "stopped")


def _opened(job: Job, options: RunOptions, path: Path, clock: Clock) -> Checkpoint:
    if options.fresh:
        put_aside(path, job=job.name, now=clock.now())
    return Checkpoint.open(path, job=job.name, now=clock.now())


def _merge(checkpoint: Checkpoint, job: Job, options: RunOptions, surveyed: _Surveyed) -> None:
    checkpoint.merge(
        surveyed.draft,
        source_fingerprint=surveyed.source.fingerprint,
        job_fingerprint=job.fingerprint,
        rows=surveyed.plan.rows,
        retry_failed=options.retry_failed,
        redo=options.redo,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over an open checkpoint, from its first request to its summary."""

    limits: Limits
    checkpoint: Checkpoint
    surveyed: _Surveyed
    server: Eloqua
    observer: Observer
    stop: Stop
    clock: Clock

    async def go(self, job: Job, options: RunOptions) -> Summary:
        tally = Tally(total=self._to_do(options))
        number = self.checkpoint.begin_run(self.clock.now(), self.surveyed.today)
        began = self.clock.monotonic()
        self.observer.started(job.name, number, tally)
        await self._end_doubts_as_unknown()
        await self._dispatch(tally, options)
        summary = self._summary(job, number, tally, self.clock.monotonic() - began)
        self.checkpoint.end_run(number, summary.document(), self.clock.now())
        self.observer.ended(summary.document())
        return summary

    def _to_do(self, options: RunOptions) -> int:
        waiting = self.checkpoint.count_open()
        return waiting if options.limit is None else min(waiting, options.limit)

    async def _dispatch(self, tally: Tally, options: RunOptions) -> None:
        health = Health(self.limits.max_failures, self.limits.give_up_after, self.clock)
        dispatcher = Dispatcher(
            site=Gateway(
                server=self.server,
                pace=Pace(self.limits.rate, clock=self.clock),
                health=health,
                observer=self.observer,
                tally=tally,
                clock=self.clock,
                stop=self.stop,
            ),
            ledger=self.checkpoint,
            health=health,
            observer=self.observer,
            tally=tally,
            clock=self.clock,
            stop=self.stop,
            concurrency=self.limits.concurrency,
            hold=lambda step: dispatcher.settle(_unknown(step, self.clock.now()), step.task),
        )
        await dispatcher.run(threaded(self._tasks(options.limit)))

    def _tasks(self, limit: int | None) -> Iterator[Sequence[Task]]:
        tasks = open_tasks(self.surveyed.source, self.surveyed.expander, self.checkpoint.open_specs)
        return tasks if limit is None else first_of(tasks, limit)

    async def _end_doubts_as_unknown(self) -> None:
        """What an earlier run left as `sending` may have been made: never sent again unasked."""
        now = self.clock.now()
        await self.checkpoint.record(
            [
                Record(doubt.id, State.UNKNOWN, doubt.attempts, now, error=LEFT_IN_DOUBT)
                for doubt in self.checkpoint.in_doubt()
            ]
        )

    def _summary(self, job: Job, number: int, tally: Tally, seconds: float) -> Summary:
        states = self.checkpoint.counts()
        return Summary(
            job=job.name,
            checkpoint=self.checkpoint.path,
            run=number,
            rows=self.surveyed.plan.rows,
            specs=self.surveyed.plan.specs,
            states=states,
            requests=Requests(tally.sent, tally.searches, tally.throttled, tally.retried),
            seconds=seconds,
            stopped=self.stop.why,
            exit=exit_status(self.stop, tally, states),
        )


def _unknown(step: Hold, now: float) -> Record:
    doubt = step.outcome if isinstance(step.outcome, InDoubt) else None
    return unknown(step.task, step.outcome.error, now, doubt)


def exit_status(stop: Stop, tally: Tally, states: Mapping[State, int]) -> int:
    """What `run` ends with: early, with failures of its own or anything unknown, or well.

    What an earlier run was refused, and this one has not tried again, is told and not counted.
    """
    early = stop.exit_status
    if early is not None:
        return early
    return 1 if tally.failed or states[State.UNKNOWN] else 0
