"""A list of what the server holds is whole or none, however the server pages."""

import orjson
import pytest

from bulkseg.listing import ListingFailed, list_all, read_one, search, sighting
from bulkseg.model import Answer


class Pages:
    """Answers with these pages, one after the other: (elements, total) or a whole answer."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked = []

    async def list(self, *, page=1, order_by=None, last_updated_at=None):
        self.asked.append((page, order_by, last_updated_at))
        found = self.pages.pop(0)
        return found if isinstance(found, Answer) else page_of(*found)

    async def search(self, name):
        self.asked.append(name)
        return self.pages.pop(0)

    async def get(self, segment_id):
        self.asked.append(segment_id)
        return self.pages.pop(0)


def page_of(ids, total):
    elements = [{"id": str(one), "name": f"n {one}"} for one in ids]
    return Answer(200, orjson.dumps({"elements": elements, "page": 1, "pageSize": 2, "total": total}))


async def ask(request):
    return await request()


async def ids_of(api, **options):
    return [one.id for one in await list_all(api, ask, **options)]


async def test_a_site_without_segments_is_an_empty_list():
    assert await ids_of(Pages(([], 0))) == []


async def test_pages_are_read_in_the_order_of_ids_until_all_are_there():
    api = Pages(([1, 2], 5), ([3, 4], 5), ([5], 5))
    assert await ids_of(api, since=99) == ["1", "2", "3", "4", "5"]
    assert api.asked == [(1, "id ASC", 99), (2, "id ASC", 99), (3, "id ASC", 99)]


async def test_of_a_long_list_only_what_is_wanted_is_kept_and_all_of_it_is_counted():
    api = Pages(([1, 2], 4), ([2, 3], 4), ([4], 4))
    assert await ids_of(api, keep=lambda page: [one for one in page if one.id in "24"]) == ["2", "4"]
    assert len(api.asked) == 3


async def test_a_server_that_shows_the_same_page_for_ever_is_not_asked_for_ever():
    api = Pages(*[([1, 2], 5)] * 50)
    with pytest.raises(ListingFailed):
        await ids_of(api)
    assert len(api.asked) == 6


async def test_what_is_made_meanwhile_is_read_too():
    assert await ids_of(Pages(([1, 2], 3), ([3], 4), ([4], 4))) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "first",
    [
        [([1, 2], 4), ([4], 3)],  # one was deleted: what came after it moved to the page before
        [([1, 2], 4), ([2, 3], 4), ([], 4)],  # one comes twice, so another is missing
        [([1, 2], 4), ([], 4)],
    ],
)
async def test_a_list_that_does_not_add_up_is_read_again(first):
    assert await ids_of(Pages(*first, ([1, 2], 3), ([3], 3))) == ["1", "2", "3"]


async def test_a_list_that_never_adds_up_is_none():
    with pytest.raises(ListingFailed, match="changed at each reading"):
        await ids_of(Pages(*[([], 4)] * 3))


@pytest.mark.parametrize(
    "answer",
    [Answer(400, b"[]"), Answer(404, b""), Answer(200, b"<html>"), Answer(200, b'{"elements": [{}]}')],
)
async def test_a_page_that_cannot_be_read_is_no_empty_page(answer):
    with pytest.raises(ListingFailed, match="page 2"):
        await ids_of(Pages(([1, 2], 4), answer))


async def test_a_search_that_is_refused_shows_nothing():
    assert await search(Pages(Answer(400, b"[]")), ask, "x") == []


async def test_one_segment_is_read_or_is_not_there():
    assert (await read_one(Pages(Answer(200, b'{"id": "5", "name": "N"}')), ask, "5")).folded == "n"
    assert await read_one(Pages(Answer(404, b"")), ask, "5") is None


def test_a_sighting_shows_what_it_was_made_of():
    shown = {"id": "5", "name": "N", "createdBy": "12", "createdAt": "1459410210", "folderId": "4"}
    assert sighting(shown).shown() == shown
    assert sighting({"id": "5", "createdAt": "soon"}).shown() == {"id": "5", "name": ""}
