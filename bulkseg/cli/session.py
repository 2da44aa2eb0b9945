"""One run, seen from outside: its event loop, its signals, who watches it, and the question before it."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing, suppress
from signal import Signals as SignalNames
from typing import Any, Protocol, TypeVar

import typer
from rich.console import Console

from bulkseg import log
from bulkseg.apart import new_loop
from bulkseg.cli.options import LogFormat, LogLevel
from bulkseg.cli.plan import changes, counts
from bulkseg.cli.signals import Signals, end_at_once
from bulkseg.cli.watchers import Watcher
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.errors import Stopped
from bulkseg.job import Job
from bulkseg.pipeline import Plan, RunOptions, run
from bulkseg.progress.lines import Lines
from bulkseg.progress.live import EVERY, Display
from bulkseg.stop import Stop
from bulkseg.summary import Summary

T = TypeVar("T")

# When Python looks for cycles of garbage: after so many new objects, and so many times that. A run makes
# almost none, and by Python's own numbers (700, 10, 10) looking took an eighth of its time.
COLLECT = (50_000, 20, 20)
# Seconds that a thread may keep another from going on. At Python's own 5 ms, whoever reads the source makes
# requests leave late, and at 1 ms the writer and the sender wake each other too often: this was measured to
# be better than either by 1 to 3 % of the throughput, at no latency and at 20 ms.
SWITCH = 0.003


class Asks(Protocol):
    """A question at the terminal; `open` while it waits for an answer."""

    open: bool


def in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` in an event loop of its own and gives what it returns."""
    _spare_the_collector()
    sys.setswitchinterval(SWITCH)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)


def _spare_the_collector() -> None:
    """Has Python look for cycles of garbage less often, and not among what was loaded before."""
    gc.freeze()
    gc.set_threshold(*COLLECT)


def watch(log_format: LogFormat, log_level: LogLevel) -> Watcher:
    """Sets up the log, and whoever shows the run: a display on a terminal, lines of the log elsewhere."""
    at_terminal = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if log_format == "auto" and at_terminal:
        log.configure(log_level, "console")
        # A line that is slow is drawn on half as often.
        return Display(Console(stderr=True), every=2 * EVERY if "SSH_CONNECTION" in os.environ else EVERY)
    log.configure(log_level, "console" if log_format == "console" else "json")
    return Lines(log.get_logger())


async def provision(
    job: Job, site: Site, chosen: RunOptions, watcher: Watcher, question: Question | None = None
) -> Summary:
    """Runs the job; a signal drains it. Raises what the pipeline raises, and Interrupted."""
    stop = Stop()
    with closing(watcher), draining(stop, watcher, question):
        watcher.checking(job.name, job.site)
        try:
            return await run(job, chosen, site, observer=watcher, confirm=question, stop=stop)
        except Stopped:
            if stop.signum is None or stop.exit_status is None:
                raise
            # The signal came while the source was being checked: there was nothing to drain.
            why = f"{stop.why}; nothing was sent"
            return Summary(job.name, chosen.place(job), stopped=why, exit=stop.exit_status)


async def attend(work: Callable[[Stop], Awaitable[T]], watcher: Watcher, question: Asks | None = None) -> T:
    """Does work at a site, under the eyes of a watcher; a signal stops it. Raises what it raises."""
    stop = Stop()
    with closing(watcher), draining(stop, watcher, question):
        try:
            return await work(stop)
        except Stopped:
            if stop.exit_status is None:
                raise
            typer.echo(stop.why, err=True)
            raise typer.Exit(stop.exit_status) from None


def draining(stop: Stop, watcher: Watcher, question: Asks | None) -> Signals:
    """The first signal becomes a stop; but one that comes while `question` stands open ends the command."""
    loop = asyncio.get_running_loop()

    def drain(signum: int) -> None:
        stop.request(signum)
        watcher.notice("draining", signal=SignalNames(signum).name, hint="once more ends at once")

    def leave(signum: int) -> None:
        # The terminal is given back if that can be done; whatever goes wrong with it must not keep us.
        with suppress(Exception):
            watcher.close()
        end_at_once(signum)

    return Signals(
        asking=lambda: question is not None and question.open,
        drain=lambda signum: _soon(loop, drain, signum),
        leave=leave,
    )


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[int], None], signum: int) -> None:
    loop.call_soon_threadsafe(call, signum)


class Question:
    """Asks at the terminal before anything is sent. `open` while it waits, `declined` after a no."""

    def __init__(self, watcher: Watcher, limit: int | None) -> None:
        self.open = False
        self.declined = False
        self._watcher = watcher
        self._limit = limit

    async def __call__(self, plan: Plan, identity: Identity) -> bool:
        """Shows what would be sent, where and as whom; gives whether to send it."""
        self._watcher.close()
        count = plan.to_send if self._limit is None else min(plan.to_send, self._limit)
        if count:
            self.open = True
            self.declined = not _ask(plan, identity, count)
            self.open = False
        return not self.declined


def _ask(plan: Plan, identity: Identity, count: int) -> bool:
    where = identity.site_name or identity.base_url
    typer.echo(f"{plan.job}: {plan.rows:,} rows, {plan.specs:,} specs", err=True)
    typer.echo("\n".join([*changes(plan), *counts(plan)]), err=True)
    typer.echo(f"site: {where} ({identity.base_url}), user: {identity.user_name}", err=True)
    return agreed(f"Send {count:,} requests to {where} as {identity.user_name}?")


def agreed(question: str) -> bool:
    """Asks at the terminal; anything but a yes is a no."""
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
