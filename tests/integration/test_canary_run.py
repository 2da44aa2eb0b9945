"""The command and its canary: a wrong first segment ends it with 3, and the run after it too, until told."""

import pytest
from aiohttp import web

from bulkseg.model import State
from bulkseg.sandbox import Settings
from bulkseg.sandbox.settings import Kept, Wins
from tests.integration.beside import beside, relayed, rows, states

IGNORES_FOLDERS = Settings(folder=Kept.IGNORED, record_arrivals=True)


def write(folder, *lines):
    job = folder / "s.csv"
    job.write_text("\n".join(lines) + "\n")
    return job


def in_folder(folder, count=5):
    return write(folder, "name,folderId", *(f"s {number},7" for number in range(count)))


async def test_it_says_what_differs_and_where_and_has_made_one(tmp_path):
    async with beside(tmp_path, IGNORES_FOLDERS) as place:
        ended = await place.run(in_folder(tmp_path))
        assert ended.status == ended.document["exit"] == 3
        for words in ("s.csv:2", "folderId: asked for 7", "--accept-warnings", "(id "):
            assert words in ended.document["stopped"]
        assert (place.names(), len(place.asked("POST"))) == (["s 0"], 1)
        assert states(tmp_path / "s.checkpoint")["s 0"] is State.CREATED


async def test_the_same_command_on_the_next_night_does_not_make_the_rest_wrong(tmp_path):
    async with beside(tmp_path, IGNORES_FOLDERS) as place:
        job = in_folder(tmp_path)
        await place.here(job)
        again = await place.run(job)
        assert again.status == 3
        assert "folderId: asked for 7" in again.document["stopped"]
        assert len(place.names()) == 2, "it tries one, for the server may have been mended"


@pytest.mark.parametrize("option", ["--accept-warnings", "--no-canary"])
async def test_it_goes_on_when_the_call_says_so_and_each_one_has_its_warning(tmp_path, option):
    async with beside(tmp_path, IGNORES_FOLDERS) as place:
        job = in_folder(tmp_path)
        assert (await place.here(job)).exit == 3
        assert (await place.run(job, option)).status == 0
        assert place.names() == [f"s {number}" for number in range(5)]
        assert all("folderId" in row.warning for row in rows(tmp_path / "s.checkpoint").values())


async def test_copies_that_keep_their_sources_name_stop_it_after_one(tmp_path):
    async with beside(tmp_path, Settings(copy_name=Wins.SOURCE)) as place:
        source = place.sandbox.store.add("source").id
        ended = await place.here(write(tmp_path, "name,source_id", f"x,{source}", f"y,{source}"))
        assert ended.exit == 3
        assert 'name: asked for "x", the server has "' in ended.stopped
        assert len(place.names()) == 2


async def test_a_first_one_that_cannot_be_read_back_stops_it(tmp_path):
    async def forbid_reads(request, send_on):
        alone = request.method == "GET" and "/segment/" in request.path.lower()
        return web.json_response(status=403) if alone else await send_on()

    async with beside(tmp_path) as place, relayed(place.sandbox.url, forbid_reads) as url:
        ended = await place.by_way_of(url).here(write(tmp_path, "name", "a", "b"))
        assert ended.exit == 3
        assert "cannot be read back" in ended.stopped
        assert place.names() == ["a"]


async def test_a_template_whose_first_ones_are_refused_is_tried_with_the_next(tmp_path):
    async with beside(tmp_path, IGNORES_FOLDERS) as place:
        lines = ["bad,7,99999", "worse,7,99998", *(f"s {number},7," for number in range(3))]
        ended = await place.here(write(tmp_path, "name,folderId,source_id", *lines))
        assert ended.exit == 3
        assert "s.csv:4" in ended.stopped
        assert place.names() == ["s 0"]


async def test_elements_that_the_server_has_otherwise_are_a_warning_and_no_stop(tmp_path):
    listed = '[{"type": "ContactListSegmentElement", "list": {"type": "ContactList", "id": "5"}}]'
    elements = '"' + listed.replace('"', '""') + '"'
    async with beside(tmp_path, Settings(copy_elements=Wins.SOURCE)) as place:
        source = place.sandbox.store.add("source").id
        lines = [f"{name},{source},{elements}" for name in "xyz"]
        ended = await place.here(write(tmp_path, "name,source_id,elements", *lines))
        assert (ended.exit, place.names()) == (0, ["source", "x", "y", "z"])
        assert "elements" in rows(tmp_path / "s.checkpoint")["x"].warning
