"""Puts the stages together for `pull`: reads segments that exist, and makes body templates of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from bulkseg.answers import segment_of
from bulkseg.bodytemplate import BodyTemplate, body_template
from bulkseg.clock import Clock
from bulkseg.crew import each
from bulkseg.eloqua.sites import Site
from bulkseg.errors import BulksegError, ConfigError, Stopped
from bulkseg.faults import read_errors
from bulkseg.job import Limits
from bulkseg.listing import BY_ID, read_list
from bulkseg.observe import Observer
from bulkseg.stop import Stop
from bulkseg.visit import Visit, open_visit


@dataclass(frozen=True, slots=True)
class Wanted:
    """One segment by its id, or (without one) all that a search finds.

    `columns` has, by value, the column that takes its place.
    """

    segment_id: str | None
    search: str | None
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pulled:
    """A segment, and the template that was made of it."""

    segment_id: str
    name: str
    template: BodyTemplate


async def pull(
    wanted: Wanted,
    site: Site,
    limits: Limits,
    *,
    observer: Observer,
    stop: Stop,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> list[Pulled]:
    """Reads what is wanted, ordered by id; changes nothing.

    Raises:
        BulksegError: a segment is not there or cannot be read, or the search finds none.
        ConfigError: a value that is to become a column stands nowhere in what was read.
        SignInRefused, ServerGone, Stopped: nothing can be read (any more).
    """
    async with open_visit(limits, site, observer, stop, clock) as visit:
        ids = [wanted.segment_id] if wanted.segment_id else await _found(visit, wanted.search or "")
        pulled: dict[str, Pulled] = {}

        async def take(segment_id: str) -> None:
            pulled[segment_id] = await _read(visit, segment_id, wanted.columns)

        await each(ids, take, hands=limits.concurrency, stop=stop)
    if stop.requested:
        raise stop.error or Stopped(stop.why or "stopped")
    made = [pulled[segment_id] for segment_id in ids]
    _refuse_unused(wanted.columns, made)
    return made


async def _found(visit: Visit, search: str) -> list[str]:
    """The ids of what a search finds."""
    ids = await read_list(
        lambda page: visit.server.list(search=search, page=page, order_by=BY_ID),
        visit.gateway.ask,
        lambda element: str(element["id"]),
        of=f"segments with {search}",
    )
    if not ids:
        raise BulksegError(f"no segment is found with {search}; `*` stands for any text: name='Nightly*'")
    return ids


async def _read(visit: Visit, segment_id: str, columns: Mapping[str, str]) -> Pulled:
    answer = await visit.gateway.ask(partial(visit.server.get, segment_id))
    found = segment_of(answer.body) if answer.status == HTTPStatus.OK else None
    if found is None:
        raise BulksegError(f"segment {segment_id}: {read_errors(answer.status, answer.body)}")
    return Pulled(segment_id, str(found.get("name", "")), body_template(found, columns))


def _refuse_unused(columns: Mapping[str, str], pulled: list[Pulled]) -> None:
    used = frozenset[str]().union(*(one.template.used for one in pulled))
    for value, column in columns.items():
        if value not in used:
            raise ConfigError(
                f"--param {value}={column}: the value {value!r} stands nowhere in what was read; it has to "
                "be the whole of a text"
            )
