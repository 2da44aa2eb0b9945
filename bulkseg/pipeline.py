"""What bulkseg does with a job: `plan` looks at it, `run` does it. Here the stages are put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace

from bulkseg.arrival import arrive
from bulkseg.checkpoint import Checkpoint, Terms, exists, open_checkpoint, put_aside, read
from bulkseg.clock import Clock
from bulkseg.eloqua.client import connect
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.errors import CheckpointError
from bulkseg.health import Health
from bulkseg.job import Job
from bulkseg.location import Location
from bulkseg.observe import Observer
from bulkseg.planning import Plan, RunOptions, Surveyed, limits_of, surveyed
from bulkseg.running import Running, Setting
from bulkseg.stop import Stop
from bulkseg.summary import Summary
from bulkseg.survey import Each
from bulkseg.visit import refuse_another_site

__all__ = ["Confirm", "Plan", "RunOptions", "Summary", "plan", "run"]

Confirm = Callable[[Plan, Identity], Awaitable[bool]]


def plan(
    job: Job,
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
    *,
    clock: Clock = Clock(),  # noqa: B008  # frozen
    each: Each | None = None,
) -> Plan:
    """Reads and checks the whole job; sends nothing, changes nothing, needs no credentials.

    `each` is given every spec with its body, some at a time; what is wrong is known only at the end.

    Raises:
        InputError: with everything that is wrong in the job and its source.
        CheckpointError: the checkpoint that is there cannot be this job's.
    """
    with surveyed(job, options, clock, look=lambda: None, anew=True, each=each) as looked_at:
        return looked_at.plan


async def run(
    job: Job,
    options: RunOptions,
    site: Site,
    *,
    observer: Observer,
    stop: Stop,
    confirm: Confirm | None = None,
    clock: Clock = Clock(),  # noqa: B008  # frozen
    terms: Terms = Terms(),  # noqa: B008  # frozen
) -> Summary:
    """Runs the job, or goes on where its last run stopped.

    `confirm` is asked before anything is sent; without it nothing is. A `stop` drains what is in flight.

    Raises:
        InputError: what is wrong in the job and its source; nothing was sent.
        CheckpointError, ConfigError: likewise.
        SignInRefused: likewise, at once.
        ServerGone: likewise, once the sign-in has been without an answer for `give_up_after`.
    """
    limits = limits_of(job, options)
    with ExitStack() as held:
        looked_at = await asyncio.to_thread(
            held.enter_context, surveyed(job, options, clock, look=stop.check, anew=False)
        )
        client = connect(site, timeout=limits.timeout, concurrency=limits.concurrency, clock=clock)
        async with client as server:
            health = Health(limits.max_failures, limits.give_up_after, clock)
            identity = await arrive(server, health=health, observer=observer, clock=clock, stop=stop)
            _refuse_another_site(looked_at.plan.checkpoint, identity, fresh=options.fresh)
            if confirm is not None and not await confirm(looked_at.plan, identity):
                return Summary(job.name, looked_at.plan.checkpoint, stopped="not confirmed; nothing was sent")
            checkpoint = held.enter_context(_opened(job, options, looked_at.plan.checkpoint, clock, terms))
            server.permit(checkpoint.may_send)
            checkpoint.bind(identity.binding)
            await asyncio.to_thread(_take_in, checkpoint, options, looked_at)
            setting = Setting(
                job=job.name,
                limits=limits,
                if_exists=options.if_exists or job.if_exists,
                options=options,
                surveyed=looked_at,
                checkpoint=checkpoint,
                server=server,
                user_id=identity.user_id,
                login=identity.user_name,
                observer=observer,
                stop=stop,
                clock=clock,
            )
            running = Running(setting)
            await running.find_folders()
            return await running.go()


def _refuse_another_site(place: Location, identity: Identity, *, fresh: bool) -> None:
    """Before anybody is asked and anything is written; `bind` has the last word, under the lock."""
    if not fresh and exists(place):
        with read(place) as reader:
            bound = reader.meta.site
        if bound is not None:
            refuse_another_site(place, bound, identity)


def _opened(job: Job, options: RunOptions, place: Location, clock: Clock, terms: Terms) -> Checkpoint:
    if options.fresh:
        put_aside(place, job=job.name, now=clock.now())
    terms = replace(terms, patience=limits_of(job, options).give_up_after, monotonic=clock.monotonic)
    return open_checkpoint(place, job=job.name, now=clock.now(), terms=terms)


def _take_in(checkpoint: Checkpoint, options: RunOptions, looked_at: Surveyed) -> None:
    fingerprints = (looked_at.source.fingerprint, looked_at.job_fingerprint)
    if looked_at.draft is not None:
        checkpoint.merge(
            looked_at.draft,
            source_fingerprint=fingerprints[0],
            job_fingerprint=fingerprints[1],
            rows=looked_at.plan.rows,
            retry_failed=options.retry_failed,
            redo=options.redo,
        )
    elif checkpoint.unchanged(*fingerprints):
        checkpoint.reopen_failed(retry_failed=options.retry_failed, redo=options.redo)
    else:
        raise CheckpointError(f"{checkpoint.place} has been changed by another run just now; run again")
