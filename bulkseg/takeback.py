"""Puts the stages together for `undo`: a checkpoint, whoever has to say yes, and the site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bulkseg.checkpoint import Reader, Terms, open_checkpoint, read
from bulkseg.clock import Clock
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.location import Location
from bulkseg.model import Record, State
from bulkseg.observe import Observer
from bulkseg.stop import Stop
from bulkseg.undo import Report, Rules, Target, Undo
from bulkseg.visit import Case, open_visit, watched


@dataclass(frozen=True, slots=True)
class Asking:
    """What has to be confirmed: `count` deletions, there, by this user.

    `reconciled` ones are those whose answer was lost, and that were found afterwards.
    """

    count: int
    reconciled: bool
    identity: Identity


Confirm = Callable[[Asking], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo came to. `unknown` counts specs that may have been made, nobody knows; they stay."""

    job: str
    checkpoint: Location
    site: str | None
    report: Report
    unknown: int
    stopped: str | None
    exit: int


async def undo(
    case: Case,
    site: Site,
    *,
    confirm: Confirm,
    force: bool,
    observer: Observer,
    stop: Stop,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> Undone | None:
    """Deletes what the checkpoint created, or what is left of it. None where `confirm` said no to all.

    Raises:
        CheckpointError: there is no such checkpoint, it belongs to another site, or a process holds it.
        ConfigError, SignInRefused, ServerGone: nothing was deleted.
    """
    report = Report()
    with ExitStack() as held:
        reader = held.enter_context(read(case.checkpoint))
        meta = reader.meta
        terms = Terms(patience=case.limits.give_up_after, monotonic=clock.monotonic)
        checkpoint = held.enter_context(
            open_checkpoint(case.checkpoint, job=meta.job, now=clock.now(), terms=terms)
        )
        created = _count(reader)
        report.total = created.simple + created.reconciled
        if report.total:
            async with open_visit(case.limits, site, observer, stop, clock) as visit:
                visit.server.permit(checkpoint.may_send)
                checkpoint.bind(visit.identity.binding)
                rules = await _rules(created, visit.identity, confirm, force=force)
                if rules is None:
                    return None
                work = Undo(
                    api=visit.server,
                    ask=visit.gateway.ask,
                    ledger=checkpoint,
                    rules=rules,
                    report=report,
                    clock=clock,
                    stop=stop,
                )
                async with watched(visit, report, observer, clock):
                    await work.run(_targets(reader), hands=case.limits.concurrency)
    status = stop.exit_status
    exit_status = int(bool(report.kept or report.failed)) if status is None else status
    return Undone(meta.job, case.checkpoint, meta.site, report, created.unknown, stop.why, exit_status)


@dataclass(frozen=True, slots=True)
class _Created:
    """What a checkpoint has created, counted; `creators` are the users that its own answers named."""

    simple: int
    reconciled: int
    unknown: int
    creators: frozenset[str]


def _count(reader: Reader) -> _Created:
    simple = reconciled = 0
    creators = set()
    for row in reader.specs((State.CREATED,)):
        simple, reconciled = simple + (not row.reconciled), reconciled + row.reconciled
        if row.created_by is not None and not row.reconciled:
            creators.add(row.created_by)
    unknown = sum(1 for _ in reader.specs((State.UNKNOWN, State.SENDING)))
    return _Created(simple, reconciled, unknown, frozenset(creators))


async def _rules(created: _Created, identity: Identity, confirm: Confirm, *, force: bool) -> Rules | None:
    """Asks for the two kinds apart; None where neither may be deleted."""
    simple = created.simple > 0 and await confirm(Asking(created.simple, False, identity))  # noqa: FBT003
    if created.simple and not simple:
        return None
    reconciled = created.reconciled > 0 and await confirm(Asking(created.reconciled, True, identity))  # noqa: FBT003
    if not (simple or reconciled):
        return None
    known = next(iter(created.creators)) if len(created.creators) == 1 else None
    return Rules(identity.user_id or known, force, reconciled)


def _targets(reader: Reader) -> Iterator[Target]:
    """Read as they are needed: those that are undone meanwhile do not come again."""
    for row in reader.specs((State.CREATED,)):
        yield Target(
            segment_id=row.segment_id or "",
            key=row.key,
            name=row.server_name or row.name,
            created_by=row.created_by,
            content=row.content,
            reconciled=row.reconciled,
            record=Record(
                id=row.number,
                state=State.UNDONE,
                attempts=row.attempts,
                at=0.0,
                http_status=row.http_status,
                warning=row.warning,
                reconciled=row.reconciled,
                request_id=row.request_id,
            ),
        )
