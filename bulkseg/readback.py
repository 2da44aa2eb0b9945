"""Puts the stages together for `verify`: a checkpoint, its job once more, and the site, compared."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing
from dataclasses import dataclass

from bulkseg.bodies import Bodies
from bulkseg.checkpoint import Reader, SpecRow, read
from bulkseg.clock import Clock
from bulkseg.eloqua.sites import Site
from bulkseg.errors import InputError
from bulkseg.expand import compile_job
from bulkseg.job import Job
from bulkseg.location import Location
from bulkseg.model import State
from bulkseg.observe import Observer
from bulkseg.placing import known
from bulkseg.rows import open_source
from bulkseg.stop import Stop
from bulkseg.verify import Expected, Report, Verifier
from bulkseg.visit import Case, folders_of, open_visit, refuse_another_site, watched

_HELD = (State.CREATED, State.ADOPTED)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verify came to. `note` says why it could not be compared with the specs, or None."""

    job: str
    checkpoint: Location
    site: str | None
    report: Report
    note: str | None
    stopped: str | None
    exit: int


async def verify(
    case: Case,
    site: Site,
    *,
    observer: Observer,
    stop: Stop,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> Verified:
    """Reads back every segment that the checkpoint created or adopted; changes nothing anywhere.

    Raises:
        CheckpointError: there is no such checkpoint, or it belongs to another site.
        ConfigError, SignInRefused, ServerGone: nothing was read.
    """
    report = Report()
    with ExitStack() as held:
        reader = held.enter_context(read(case.checkpoint))
        bodies = held.enter_context(Bodies())
        meta = reader.meta
        note = await asyncio.to_thread(_expand_again, case.job, reader, bodies, stop)
        if not _empty(reader):
            async with open_visit(case.limits, site, observer, stop, clock) as visit:
                refuse_another_site(case.checkpoint, meta.site, visit.identity)
                if bodies.folders:
                    tree = await folders_of(visit, case.limits, clock).read()
                    bodies.place(known(tree, bodies.folders))
                verifier = Verifier(
                    api=visit.server,
                    ask=visit.gateway.ask,
                    asked=bodies,
                    report=report,
                    stop=stop,
                    hands=case.limits.concurrency,
                )
                async with watched(visit, report, observer, clock):
                    await verifier.run(map(_expected, reader.specs(_HELD)))
    status = stop.exit_status
    exit_status = int(not report.clean) if status is None else status
    return Verified(meta.job, case.checkpoint, meta.site, report, note, stop.why, exit_status)


def _empty(reader: Reader) -> bool:
    return next(reader.specs(_HELD), None) is None


def _expand_again(job: Job | None, reader: Reader, bodies: Bodies, stop: Stop) -> str | None:
    """Puts into `bodies` what the specs on record ask for; else says why it cannot be told."""
    today = reader.meta.today
    if job is None or today is None:
        return "its job was not found: name the job, and not its checkpoint"
    hashes = {row.key: row.hash for row in reader.specs(_HELD)}
    try:
        with closing(open_source(job.sources, job.base)) as source:
            expander = compile_job(job, source.columns, today, source.display)
            bodies.take_in(source, expander, hashes, look=stop.check)
    except InputError as error:
        return f"the source cannot be read any more: {error.lines()[0]}"
    return None


def _expected(row: SpecRow) -> Expected:
    return Expected(
        segment_id=row.segment_id or "",
        key=row.key,
        name=row.server_name or row.name,
        content=row.content,
        made_at=float(row.created_at) if row.created_at and row.created_at.isdecimal() else None,
        source=row.source,
        line=row.line,
    )
