"""A visit to a site outside of a run: signed in, paced, and watched for a server that goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.eloqua.client import Eloqua, connect
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.errors import AnotherSite, ConfigError
from bulkseg.folders import Folders
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Job, Limits
from bulkseg.location import Location
from bulkseg.observe import Observer, Tally
from bulkseg.pace import Pace
from bulkseg.stop import Stop

# Seconds between two looks at whether the server is there, and between two words on how far the work is.
WATCH, TELL = 0.25, 10.0


class Progress(Protocol):
    """How far the work of a visit has come."""

    total: int

    @property
    def done(self) -> int:
        """How many of `total`."""


@dataclass(frozen=True, slots=True)
class Case:
    """A checkpoint, its job where that is known, and how fast its site is asked."""

    checkpoint: Location
    job: Job | None
    limits: Limits


def case_of(checkpoint: Location, job: Job | None, rate: float | None) -> Case:
    """The case with the job's limits, or the default ones; `rate` (requests a second) in place of theirs.

    Raises:
        ConfigError: a rate that cannot be.
    """
    return Case(checkpoint, job, at_rate(Limits() if job is None else job.limits, rate))


def at_rate(limits: Limits, rate: float | None) -> Limits:
    """The limits with that rate (requests a second), or as they are. Raises ConfigError."""
    if rate is None:
        return limits
    if not 0 < rate < float("inf"):
        raise ConfigError(f"--rate {rate:g}: must be a number of requests a second, above 0")
    return limits.model_copy(update={"rate": rate})


@dataclass(frozen=True, slots=True)
class Visit:
    """Signed in: who we are, the client, and the gateway that all requests take."""

    identity: Identity
    server: Eloqua
    gateway: Gateway


@asynccontextmanager
async def open_visit(
    limits: Limits, site: Site, observer: Observer, stop: Stop, clock: Clock
) -> AsyncIterator[Visit]:
    """Signed in for as long as the context lasts; the site is asked within `limits`.

    Raises:
        ConfigError, SignInRefused, ServerGone: as the client's `sign_in`.
    """
    client = connect(site, timeout=limits.timeout, concurrency=limits.concurrency, clock=clock)
    async with client as server:
        identity = await server.sign_in()
        gateway = Gateway(
            server=server,
            pace=Pace(limits.rate, clock=clock),
            health=Health(limits.max_failures, limits.give_up_after, clock),
            observer=observer,
            tally=Tally(),
            clock=clock,
            stop=stop,
        )
        yield Visit(identity, server, gateway)


def folders_of(visit: Visit, limits: Limits, clock: Clock) -> Folders:
    """The folders of the site, asked for like everything else."""
    return Folders(
        visit.server, visit.gateway, settle=limits.settle, max_attempts=limits.max_attempts, clock=clock
    )


def refuse_another_site(place: Location, bound: str | None, identity: Identity) -> None:
    """Raises AnotherSite where the checkpoint at `place` is bound to another site than this one."""
    if bound != identity.binding:
        raise AnotherSite(place, bound, identity.binding, "nothing was read or sent")


@asynccontextmanager
async def watched(visit: Visit, progress: Progress, observer: Observer, clock: Clock) -> AsyncIterator[None]:
    """While it lasts, a server that has gone is noticed, and it is told how far the work has come."""

    async def watch() -> None:
        told = clock.monotonic()
        while True:
            visit.gateway.look()
            if clock.monotonic() - told >= TELL:
                told = clock.monotonic()
                observer.notice("progress", done=progress.done, total=progress.total)
            await clock.sleep(WATCH)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
