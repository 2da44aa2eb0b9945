"""Puts the stages together for `plan --online`: what a run would meet at the site. It only reads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from bulkseg.checkpoint import Waiting, exists, read
from bulkseg.clock import Clock
from bulkseg.crew import each
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import Site
from bulkseg.errors import Problem, Stopped
from bulkseg.exists import Policy, taken
from bulkseg.faults import read_errors
from bulkseg.job import Job
from bulkseg.listing import Sighting, list_all
from bulkseg.location import Location
from bulkseg.model import Action, Spec, State, Task
from bulkseg.observe import Observer
from bulkseg.placing import problems_of
from bulkseg.planning import Plan, RunOptions, Surveyed, limits_of, surveyed
from bulkseg.stop import Stop
from bulkseg.visit import Visit, folders_of, open_visit, refuse_another_site

# Specs and problems of one kind that are shown in full.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Ends:
    """A spec that would not be sent: the state in which it would end, and why."""

    spec: Spec
    state: State
    why: str


@dataclass(slots=True)
class Meeting:
    """The specs of a job as they meet what stands at the site.

    `ends` are the first that would not be sent, `states` counts them all; `sources` has each segment that is
    to be copied, and `folders` each folder's path, with the specs that name it: how many, and the first.
    """

    to_send: int = 0
    states: Counter[State] = field(default_factory=Counter)
    ends: list[Ends] = field(default_factory=list)
    sources: dict[str, Needed] = field(default_factory=dict)
    folders: dict[str, Spec] = field(default_factory=dict)


@dataclass(slots=True)
class Needed:
    """A segment that is to be copied: the first spec that names it, and how many do; `why` it is missing."""

    first: Spec
    specs: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run would do at this site. `segments` counts what stands there, None where nobody looked.

    `to_send` are the specs that would be sent with success in sight, `seconds` the time that the rate takes;
    `states` counts those that would end without being sent, `ends` shows the first. `folders` are the
    problems with folders.
    """

    plan: Plan
    identity: Identity
    segments: int | None
    states: Mapping[State, int]
    ends: tuple[Ends, ...]
    sources: Mapping[str, Needed]
    folders: tuple[Problem, ...]
    to_send: int

    @property
    def seconds(self) -> float:
        """How long it would take at the rate."""
        return self.to_send / self.plan.rate

    @property
    def exit(self) -> int:
        """1 where something would fail, else 0."""
        return int(bool(self.states.get(State.FAILED) or self.sources or self.folders))


async def outlook(
    job: Job,
    options: RunOptions,
    site: Site,
    *,
    observer: Observer,
    stop: Stop,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> Outlook:
    """Looks at the whole job, and then at the site.

    Raises:
        InputError: with everything that is wrong in the job and its source.
        CheckpointError: the checkpoint that is there is not this job's, or another site's.
        ConfigError, SignInRefused, ServerGone, Stopped: the site cannot be asked.
    """
    limits, policy = limits_of(job, options), options.if_exists or job.if_exists
    with ExitStack() as held:
        looked_at = await asyncio.to_thread(
            held.enter_context, surveyed(job, options, clock, look=stop.check, anew=True)
        )
        place = looked_at.plan.checkpoint
        old = place if not options.fresh and exists(place) else None
        async with open_visit(limits, site, observer, stop, clock) as visit:
            _refuse_another_site(old, visit.identity)
            segments = None if policy == "ignore" else await list_all(visit.server, visit.gateway.ask)
            waiting = _waiting(looked_at, options, old)
            met = await asyncio.to_thread(_meet, waiting, segments or (), policy, clock.now())
            listed = {one.id for one in segments or ()}
            await _ask_for_sources(visit, met, listed, hands=limits.concurrency, stop=stop)
            tree = await folders_of(visit, limits, clock).read() if met.folders else None
            display = looked_at.source.display
            folders = (
                [] if tree is None else problems_of(tree, met.folders, display, make=options.make_folders)
            )
            return _outlook(looked_at.plan, visit.identity, segments, met, folders)


def _refuse_another_site(old: Location | None, identity: Identity) -> None:
    if old is None:
        return
    with read(old) as reader:
        bound = reader.meta.site
    if bound is not None:
        refuse_another_site(old, bound, identity)


def _waiting(looked_at: Surveyed, options: RunOptions, old: Location | None) -> Iterable[Waiting]:
    assert looked_at.draft is not None  # noqa: S101  # it was surveyed anew
    return looked_at.draft.waiting(old, retry_failed=options.retry_failed, redo=options.redo)


def _meet(waiting: Iterable[Waiting], segments: Iterable[Sighting], policy: Policy, now: float) -> Meeting:
    """Every spec that a run would send, against the list of what stands there."""
    standing: dict[str, list[str]] = {}
    for one in segments:
        standing.setdefault(one.folded, []).append(one.id)
    met = Meeting()
    for one_waiting in waiting:
        ends = _ends(one_waiting, standing.get(one_waiting.spec.folded, ()), policy, now)
        if ends is None:
            _count(met, one_waiting.spec)
            continue
        met.states[ends.state] += 1
        if len(met.ends) < SHOWN:
            met.ends.append(ends)
    return met


def _ends(waiting: Waiting, ids: Sequence[str], policy: Policy, now: float) -> Ends | None:
    task = Task(0, waiting.spec)
    record = taken(task, policy, ids, now, holder=waiting.holder, in_doubt=waiting.in_doubt)
    if record is None:
        return None
    return Ends(waiting.spec, record.state, record.error or f"the segment {record.segment_id} has its name")


def _count(met: Meeting, spec: Spec) -> None:
    met.to_send += 1
    if spec.action is Action.COPY:
        met.sources.setdefault(spec.source_id, Needed(spec)).specs += 1
    if spec.folder:
        met.folders.setdefault(spec.folder, spec)


async def _ask_for_sources(
    visit: Visit, met: Meeting, listed: Iterable[str], *, hands: int, stop: Stop
) -> None:
    """Finds out why each source is missing that is; a list that lags behind says nothing of that."""

    async def look(source_id: str) -> None:
        answer = await visit.gateway.ask(partial(visit.server.get, source_id, "minimal"))
        if answer.status == HTTPStatus.NOT_FOUND:
            met.sources[source_id].why = "does not exist, or is not visible to this user"
        elif answer.status != HTTPStatus.OK:
            met.sources[source_id].why = read_errors(answer.status, answer.body)

    await each(met.sources.keys() - set(listed), look, hands=hands, stop=stop)
    if stop.requested:
        raise stop.error or Stopped(stop.why or "stopped")


def _outlook(
    plan: Plan,
    identity: Identity,
    segments: Sequence[Sighting] | None,
    met: Meeting,
    folders: Sequence[Problem],
) -> Outlook:
    gone = {source_id: needed for source_id, needed in met.sources.items() if needed.why}
    return Outlook(
        plan=plan,
        identity=identity,
        segments=None if segments is None else len(segments),
        states=met.states,
        ends=tuple(met.ends),
        sources=gone,
        folders=tuple(folders),
        to_send=met.to_send - sum(needed.specs for needed in gone.values()),
    )
