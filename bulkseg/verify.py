"""Reads segments back and says what is gone, and what is not as it should be. Writes nothing to the server.

A list shows hundreds at a time, where that takes fewer requests than to read them one by one. It is believed
only where it shows a segment as it should be: what it lacks, or shows otherwise, is read by its id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

from bulkseg.answers import Page, page_of, segment_of
from bulkseg.content import differences, digest
from bulkseg.crew import each
from bulkseg.errors import Stopped
from bulkseg.faults import read_errors
from bulkseg.model import Answer, Reply
from bulkseg.stop import Stop

# Whole segments, filters and all, on one page: a thousand of them would be megabytes in one answer.
PAGE = 200
# So few are read one by one without asking how many there are on the site.
FEW = 20
# A list of what was changed since the first was made: so much earlier, in seconds, for clocks are not equal.
SLACK = 300

Ask = Callable[[Callable[[], Awaitable[Reply]]], Awaitable[Answer]]


class Api(Protocol):
    """The two requests that show segments whole; see the API client."""

    async def get(self, segment_id: str) -> Reply:
        """One segment."""

    async def list(
        self, *, page: int, count: int, depth: str, order_by: str, last_updated_at: int | None
    ) -> Reply:
        """One page of segments."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A segment on record. `name` is as the server gave it, `content` the digest of what it gave.

    `made_at` is the server's time of its making (Unix, seconds), None where that is not on record.
    """

    segment_id: str
    key: str
    name: str
    content: str | None
    made_at: float | None
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one segment; one line for each difference."""

    expected: Expected
    what: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """What was found so far, of `total`. `pages` and `reads` count answers.

    `against_spec` were compared with what their specs ask for, the others with what is on record of them.
    """

    total: int = 0
    same: int = 0
    against_spec: int = 0
    pages: int = 0
    reads: int = 0
    gone: list[Finding] = field(default_factory=list)
    differs: list[Finding] = field(default_factory=list)
    unread: list[Finding] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many have been looked at."""
        return self.same + len(self.gone) + len(self.differs) + len(self.unread)

    @property
    def compared(self) -> int:
        """How many were there to be compared."""
        return self.same + len(self.differs)

    @property
    def clean(self) -> bool:
        """Whether nothing wrong was found."""
        return not (self.gone or self.differs or self.unread)


class Verifier:
    """Compares what the server has with what it should have, into `report`.

    `ask` makes a request until there is an answer; `asked` gives the body that a key's spec asks for, None
    where that is not known (any more); `hands` is how many are read at a time.
    """

    def __init__(
        self,
        *,
        api: Api,
        ask: Ask,
        asked: Callable[[str], Mapping[str, Any] | None],
        report: Report,
        stop: Stop,
        hands: int,
    ) -> None:
        self._api = api
        self._ask = ask
        self._asked = asked
        self._report = report
        self._stop = stop
        self._hands = hands

    async def run(self, expected: Iterable[Expected]) -> None:
        """Looks at all of `expected`; returns early once a stop is asked for."""
        left = {one.segment_id: one for one in expected}
        self._report.total = len(left)
        try:
            await self._read_pages(left)
        except Stopped as error:
            self._stop.fail(error)
        await each(left.values(), self._read, hands=self._hands, stop=self._stop)

    async def _read_pages(self, left: dict[str, Expected]) -> None:
        """Takes out of `left` what a list shows as it should be, as long as that is the shorter way."""
        since = _oldest(left.values())
        number, pages = 0, FEW
        while pages - number < len(left):
            number += 1
            page = await self._page(number, since)
            if page is None or not page.elements or not self._take(page, left):
                return
            pages = -(-page.total // PAGE)
            if number >= pages:
                return

    async def _page(self, number: int, since: int | None) -> Page | None:
        answer = await self._ask(
            partial(
                self._api.list,
                page=number,
                count=PAGE,
                depth="complete",
                order_by="id ASC",
                last_updated_at=since,
            )
        )
        self._report.pages += 1
        return page_of(answer.body) if answer.status == HTTPStatus.OK else None

    def _take(self, page: Page, left: dict[str, Expected]) -> bool:
        """False where the list does not show segments whole, whatever depth it was asked for."""
        shown = [found for found in page.elements if found["id"] in left]
        for found in shown:
            if digest(found) is None:
                return False
            asked = self._asked(left[found["id"]].key)
            if not compare(left[found["id"]], asked, found):
                del left[found["id"]]
                self._report.same += 1
                self._report.against_spec += asked is not None
        return True

    async def _read(self, one: Expected) -> None:
        answer = await self._ask(partial(self._api.get, one.segment_id))
        self._report.reads += 1
        found = segment_of(answer.body) if answer.status == HTTPStatus.OK else None
        if answer.status == HTTPStatus.NOT_FOUND:
            self._report.gone.append(Finding(one, ("the server has no segment of this id (any more)",)))
        elif found is None:
            self._report.unread.append(Finding(one, (read_errors(answer.status, answer.body),)))
        else:
            self._judge(one, found)

    def _judge(self, one: Expected, found: Mapping[str, Any]) -> None:
        asked = self._asked(one.key)
        self._report.against_spec += asked is not None
        differs = compare(one, asked, found)
        if differs:
            self._report.differs.append(Finding(one, tuple(differs)))
        else:
            self._report.same += 1


def compare(one: Expected, asked: Mapping[str, Any] | None, found: Mapping[str, Any]) -> list[str]:
    """What is not in `found` as it should be, a line each.

    With `asked`, what was asked for counts. What it does not speak of, a copy's elements above all, and all
    where it is not known, has to be what the server gave when it was made.
    """
    differs = _renamed(one, found) if asked is None else differences(asked, found)
    if differs or (asked is not None and "elements" in asked):
        return differs
    now = digest(found)
    return [] if None in (one.content, now) or now == one.content else [_changed(found)]


def _renamed(one: Expected, found: Mapping[str, Any]) -> list[str]:
    name = found.get("name", "")
    return [] if name == one.name else [f'name: was "{one.name}", the server has "{name}"']


def _changed(found: Mapping[str, Any]) -> str:
    changer = found.get("updatedBy", "(not told)")
    return f"content: is not what the server gave when it was made; last changed by user {changer}"


def _oldest(expected: Iterable[Expected]) -> int | None:
    """Since when they all have been changed at least once, by being made; None where that is not known."""
    times = [one.made_at for one in expected]
    known = [time for time in times if time is not None]
    return int(min(known)) - SLACK if known and len(known) == len(times) else None
