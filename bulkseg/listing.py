"""What the server holds, by pages, and complete: a list that may have a hole is no list.

Whoever concludes from a list that something is not there needs all of it. So the pages are ordered by id, the
distinct ids are counted against `total`, and a list that changed under the reading is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from bulkseg.answers import Page, page_of, segment_of
from bulkseg.errors import Stopped
from bulkseg.faults import read_errors
from bulkseg.model import Answer, Reply
from bulkseg.names import fold

OK = 200
TRIES = 3
BY_ID = "id ASC"

T = TypeVar("T")


class Api(Protocol):
    """The two requests that show what the server holds; see the API client."""

    async def list(
        self, *, page: int = ..., order_by: str | None = ..., last_updated_at: int | None = ...
    ) -> Reply:
        """One page of segments, a thousand at most."""

    async def search(self, name: str) -> Reply:
        """Those of a name; a `*` in it finds more."""

    async def get(self, segment_id: str) -> Reply:
        """One segment."""


Ask = Callable[[Callable[[], Awaitable[Reply]]], Awaitable[Answer]]
Request = Callable[[int], Awaitable[Reply]]
# Keeps the elements of a page, each id once, and gives how many ids it has by now.
Put = Callable[[Sequence[dict[str, Any]]], Awaitable[int]]


class ListingFailed(Stopped):
    """No complete list could be had; it never means that something is not there."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A segment that the server showed. `created_at` is Unix time by the server's clock, in whole seconds."""

    id: str
    name: str
    folded: str
    created_by: str | None
    created_at: float | None
    folder_id: str | None

    def shown(self) -> dict[str, str]:
        """As an answer has it; what has no value is left out."""
        created_at = None if self.created_at is None else f"{self.created_at:.0f}"
        named = {
            "id": self.id,
            "name": self.name,
            "createdBy": self.created_by,
            "createdAt": created_at,
            "folderId": self.folder_id,
        }
        return {name: value for name, value in named.items() if value is not None}


def sighting(found: Mapping[str, Any]) -> Sighting:
    """An element of a list, or a segment that was read, as a sighting."""
    name = str(found.get("name", ""))
    created_at = str(found.get("createdAt", ""))
    return Sighting(
        id=str(found["id"]),
        name=name,
        folded=fold(name),
        created_by=_text(found.get("createdBy")),
        created_at=float(created_at) if created_at.isdecimal() else None,
        folder_id=_text(found.get("folderId")),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# Which segments of a page are wanted.
Keep = Callable[[Sequence[Sighting]], Iterable[Sighting]]


class Store(Protocol):
    """The part of a checkpoint that keeps such lists."""

    def keep_stood(self, run: int, segments: Iterable[tuple[str, str, str]], *, whole: bool = ...) -> int:
        """Adds to the list of `run`; gives how many of them are new to it."""

    def forget_stood(self, run: int) -> None:
        """Lets go of what is kept for `run`."""


class Stock:
    """What stood there before a run, as its checkpoint keeps it: a list only once `seal` is called."""

    def __init__(self, store: Store, run: int) -> None:
        self._store = store
        self._run = run
        self._there = 0

    async def clear(self) -> None:
        """The list is read anew."""
        self._there = 0
        await asyncio.to_thread(self._store.forget_stood, self._run)

    async def put(self, page: Sequence[Sighting]) -> int:
        """Takes a page; gives how many segments there are by now. The first look at each counts."""
        rows = [(one.id, one.name, one.folded) for one in page]
        self._there += await asyncio.to_thread(partial(self._store.keep_stood, self._run, rows, whole=False))
        return self._there

    async def seal(self) -> None:
        """The list is whole."""
        await asyncio.to_thread(self._store.keep_stood, self._run, ())


async def list_all(
    api: Api, ask: Ask, *, since: int | None = None, keep: Keep = lambda page: page
) -> list[Sighting]:
    """All segments, or those that were changed since `since` (Unix time by the server's clock).

    A server that does not know that filter gives more, which does no harm. `keep` says which of a page are
    wanted: of a long list, few are.

    Raises:
        ListingFailed: a page was refused, or the list never held still.
        Stopped: a stop was asked for meanwhile.
    """
    seen: set[str] = set()
    kept: dict[str, Sighting] = {}

    async def put(elements: Sequence[dict[str, Any]]) -> int:
        page = [sighting(element) for element in elements]
        seen.update(one.id for one in page)
        kept.update((one.id, one) for one in keep(page))
        return len(seen)

    async def clear() -> None:
        seen.clear()
        kept.clear()

    await _read(
        lambda page: api.list(page=page, order_by=BY_ID, last_updated_at=since), ask, put, clear, "segments"
    )
    return list(kept.values())


async def list_into(api: Api, ask: Ask, stock: Stock) -> None:
    """All segments, by pages, into `stock`, which is sealed then: there may be more than fit in memory.

    Raises:
        ListingFailed, Stopped: as `list_all`; what has been put there then is no list.
    """

    async def put(elements: Sequence[dict[str, Any]]) -> int:
        return await stock.put([sighting(element) for element in elements])

    await _read(lambda page: api.list(page=page, order_by=BY_ID), ask, put, stock.clear, "segments")
    await stock.seal()


async def read_list(request: Request, ask: Ask, read: Callable[[dict[str, Any]], T], *, of: str) -> list[T]:
    """A list to its end: `read` makes of each element what is kept of it, `of` names them in messages.

    `request` asks for a page, from 1; the pages have to be ordered by id.

    Raises:
        ListingFailed: a page was refused, or the list never held still.
        Stopped: a stop was asked for meanwhile.
    """
    found: dict[str, T] = {}

    async def put(elements: Sequence[dict[str, Any]]) -> int:
        found.update((element["id"], read(element)) for element in elements)
        return len(found)

    async def clear() -> None:
        found.clear()

    await _read(request, ask, put, clear, of)
    return list(found.values())


async def _read(request: Request, ask: Ask, put: Put, clear: Callable[[], Awaitable[None]], of: str) -> None:
    for _ in range(TRIES):
        await clear()
        if await _read_once(request, ask, put, of):
            return
    raise ListingFailed(f"the list of {of} changed at each reading; run again when the site is quieter")


async def _read_once(request: Request, ask: Ask, put: Put, of: str) -> bool:
    """One reading by id; whether what came adds up."""
    number, total, there = 1, None, 0
    while total is None or there < total:
        page = await _page(request, ask, number, of)
        if total is not None and page.total < total:
            return False
        before, there = there, await put(page.elements)
        if there == before and there < page.total:
            return False  # nothing more came; a server that pays no heed to the page's number has no end
        number, total = number + 1, page.total
    return True


async def _page(request: Request, ask: Ask, number: int, of: str) -> Page:
    answer = await ask(lambda: request(number))
    page = page_of(answer.body) if answer.status == OK else None
    if page is None:
        raise ListingFailed(
            f"page {number} of the list of {of} cannot be read: {read_errors(answer.status, answer.body)}; "
            "only a whole list tells what is not there: run again"
        )
    return page


async def search(api: Api, ask: Ask, name: str) -> list[Sighting]:
    """What a search for exactly that name shows now; it may show more (wildcards), and lag behind.

    Raises:
        Stopped: a stop was asked for meanwhile.
    """
    answer = await ask(lambda: api.search(name))
    page = page_of(answer.body) if answer.status == OK else None
    # A search that is refused shows nothing; a complete list has the last word in any case.
    return [] if page is None else [sighting(element) for element in page.elements]


async def read_one(api: Api, ask: Ask, segment_id: str) -> Sighting | None:
    """The segment of that id, or None where there is none that this user may see.

    Raises:
        Stopped: a stop was asked for meanwhile.
    """
    answer = await ask(lambda: api.get(segment_id))
    found = segment_of(answer.body) if answer.status == OK else None
    return None if found is None else sighting(found)
