"""What a verify compares, and by which requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from bulkseg.content import digest
from bulkseg.errors import Stopped
from bulkseg.model import Answer, Reply
from bulkseg.stop import Stop
from bulkseg.verify import FEW, PAGE, Expected, Report, Verifier, compare


def segment(number: int, **changes: Any) -> dict[str, Any]:
    plain = {
        "type": "ContactSegment",
        "id": str(number),
        "name": f"s{number}",
        "depth": "complete",
        "createdBy": "12",
        "updatedBy": "12",
        "elements": [{"type": "X", "id": str(number + 9000)}],
    }
    return plain | changes


def expected(number: int, **changes: Any) -> Expected:
    values: dict[str, Any] = {
        "segment_id": str(number),
        "key": f"k{number}",
        "name": f"s{number}",
        "content": digest(segment(number)),
        "made_at": 1_000_000.0 + number,
        "source": "s.csv",
        "line": number + 1,
    }
    return Expected(**(values | changes))


@pytest.mark.parametrize(
    ("asked", "found", "differs"),
    [
        (None, {}, []),
        (None, {"name": "other"}, ['name: was "s1", the server has "other"']),
        (
            None,
            {"elements": [], "updatedBy": "77"},
            ["content: is not what the server gave when it was made; last changed by user 77"],
        ),
        (None, {"depth": "minimal"}, []),
        ({"name": "s1", "elements": [{"type": "X", "id": "-1"}]}, {}, []),
        ({"name": "s1", "elements": [{"type": "X", "id": "-1"}]}, {"folderId": "8"}, []),
        ({"name": "asked"}, {}, ['name: asked for "asked", the server has "s1"']),
        (
            {"name": "s1"},
            {"elements": []},
            ["content: is not what the server gave when it was made; last changed by user 12"],
        ),
    ],
)
def test_what_was_asked_for_counts_and_beyond_it_what_was_answered(asked, found, differs):
    assert compare(expected(1), asked, segment(1, **found)) == differs


def test_without_a_digest_on_record_only_the_name_can_be_compared():
    assert compare(expected(1, content=None), None, segment(1, elements=[])) == []


# --- The requests ---------------------------------------------------------------------------------------


class Site:
    """Holds segments and answers for them; `listed` is what its lists show of each."""

    def __init__(self, segments: list[dict[str, Any]]) -> None:
        self.segments = {each["id"]: each for each in segments}
        self.listed = dict(self.segments)
        self.strangers = 0
        self.pages: list[dict[str, Any]] = []
        self.reads: list[str] = []
        self.list_status = 200

    async def get(self, segment_id: str) -> Reply:
        self.reads.append(segment_id)
        found = self.segments.get(segment_id)
        return Answer(404, b"") if found is None else Answer(200, orjson.dumps(found))

    async def list(self, **query: Any) -> Reply:
        self.pages.append(query)
        strangers = [segment(100_000 + number) for number in range(self.strangers)]
        shown = [*self.listed.values(), *strangers]
        first = (query["page"] - 1) * query["count"]
        page = {
            "elements": shown[first : first + query["count"]],
            "page": query["page"],
            "pageSize": query["count"],
            "total": len(shown),
        }
        return Answer(self.list_status, orjson.dumps(page))


async def ask(request: Callable[[], Awaitable[Reply]]) -> Answer:
    reply = await request()
    assert isinstance(reply, Answer)
    return reply


async def verify(site: Site, count: int, stop: Stop | None = None, **changes: Any) -> Report:
    report = Report()
    work = Verifier(api=site, ask=ask, asked=lambda _: None, report=report, stop=stop or Stop(), hands=3)
    await work.run([expected(number, **changes) for number in range(1, count + 1)])
    return report


def segments(count: int) -> list[dict[str, Any]]:
    return [segment(number) for number in range(1, count + 1)]


async def test_a_few_segments_are_read_one_by_one():
    site = Site(segments(FEW))
    report = await verify(site, FEW)
    assert (report.same, len(site.reads), site.pages) == (FEW, FEW, [])


async def test_many_segments_are_read_by_pages_of_whole_ones():
    site = Site(segments(450))
    report = await verify(site, 450)
    assert (report.same, report.pages, report.reads) == (450, 3, 0)
    assert [page["page"] for page in site.pages] == [1, 2, 3]
    assert all(page["depth"] == "complete" and page["order_by"] == "id ASC" for page in site.pages)


async def test_on_a_large_site_a_small_checkpoint_is_read_one_by_one_after_a_look_at_the_total():
    site = Site(segments(50))
    site.listed = {}
    site.strangers = 100 * PAGE
    report = await verify(site, 50)
    assert (report.same, report.pages, report.reads) == (50, 1, 50)


async def test_the_list_is_asked_only_for_what_was_changed_since_the_first_was_made():
    site = Site(segments(50))
    await verify(site, 50)
    assert site.pages[0]["last_updated_at"] == 1_000_001 - 300
    await verify(site, 50, made_at=None)
    assert site.pages[1]["last_updated_at"] is None


async def test_what_a_list_does_not_show_is_gone_only_when_a_read_says_so():
    site = Site(segments(50))
    del site.listed["7"], site.segments["9"], site.listed["9"]
    report = await verify(site, 50)
    assert sorted(site.reads) == ["7", "9"]
    assert [finding.expected.segment_id for finding in report.gone] == ["9"]
    assert report.same == 49


async def test_a_difference_in_a_list_counts_only_when_a_read_shows_it_too():
    site = Site(segments(50))
    site.listed["7"] = segment(7, name="old")
    site.listed["9"] = site.segments["9"] = segment(9, name="new")
    report = await verify(site, 50)
    assert sorted(site.reads) == ["7", "9"]
    (finding,) = report.differs
    assert (finding.expected.segment_id, finding.what) == ("9", ('name: was "s9", the server has "new"',))


async def test_a_list_that_shows_less_than_whole_segments_is_left():
    site = Site(segments(50))
    site.listed = {number: each | {"depth": "minimal"} for number, each in site.segments.items()}
    report = await verify(site, 50)
    assert (report.same, report.pages, report.reads) == (50, 1, 50)


@pytest.mark.parametrize("status", [400, 403])
async def test_a_list_that_is_refused_is_left(status):
    site = Site(segments(50))
    site.list_status = status
    report = await verify(site, 50)
    assert (report.same, report.pages, report.reads) == (50, 1, 50)


async def test_what_cannot_be_read_is_told_apart_from_what_is_gone():
    site = Site([])

    async def forbidden(_segment_id: str) -> Reply:
        return Answer(403, b"")

    site.get = forbidden
    report = await verify(site, 1)
    assert (len(report.unread), len(report.gone), report.clean) == (1, 0, False)
    assert "no permission" in report.unread[0].what[0]


async def test_a_stop_while_pages_are_read_leaves_what_was_found():
    site, stop = Site(segments(450)), Stop()
    pages = site.list

    async def list_until(**query: Any) -> Reply:
        if query["page"] == 2:
            stop.request(15)
            raise Stopped("stopped")
        return await pages(**query)

    site.list = list_until
    report = await verify(site, 450, stop)
    assert (report.same, report.done, report.total, site.reads) == (PAGE, PAGE, 450, [])
