"""The command and what stood there before: as the job or the call says, by a list that is whole or none."""

import json

import pytest
from aiohttp import web

from bulkseg.model import State
from bulkseg.sandbox import Settings
from bulkseg.sandbox.faults import Fault, FaultKind
from tests.integration.beside import (
    beside,
    end_of,
    every_row,
    reached,
    relayed,
    rows,
    states,
    write_names,
)

THEIRS = 77


def write_job(folder, **more):
    write_names(folder / "s.csv", ["a", "b", "c"])
    job = folder / "job.toml"
    tables = {"source": {"path": "s.csv"}, **more}
    lines = [
        f"[{name}]\n" + "\n".join(f"{key} = {json.dumps(one)}" for key, one in table.items())
        for name, table in tables.items()
    ]
    job.write_text("\n".join([*lines, "[[segment]]", 'name = "{{ name }}"', ""]))
    return job


def seed(place, *names):
    return [str(place.sandbox.store.add(name, created_by=THEIRS).id) for name in names]


def seed_pages(place):
    """More than a page of segments; `b` is on the second one."""
    return seed(place, *(f"old {number}" for number in range(1_050)), "b")[-1]


@pytest.mark.parametrize(
    ("said", "option", "state", "statuses"),
    [
        (None, [], State.FAILED, (1, 0)),
        ("skip", [], State.SKIPPED, (0, 0)),
        ("fail", ["--if-exists", "adopt"], State.ADOPTED, (0, 0)),
    ],
)
async def test_the_call_decides_else_the_job_else_it_fails(tmp_path, said, option, state, statuses):
    async with beside(tmp_path) as place:
        stood = seed_pages(place)
        job = write_job(tmp_path, **({} if said is None else {"results": {"if_exists": said}}))
        ended = await place.run(job, *option)
        again = await place.run(job, *option)
        found = rows(tmp_path / "job.checkpoint")
        assert {name: row.state for name, row in found.items()} == {
            "a": State.CREATED, "b": state, "c": State.CREATED,
        }  # fmt: skip
        assert (ended.status, again.status) == statuses
        assert (ended.document["requests"]["sent"], again.document["requests"]["sent"]) == (2, 0)
        assert place.names().count("b") == 1
        if state is State.ADOPTED:
            assert found["b"].segment_id == stood


async def test_a_failed_one_is_told_with_the_id_that_stands_and_with_its_row(tmp_path):
    async with beside(tmp_path) as place:
        (stood,) = seed(place, "B ")
        ended = await place.run(write_job(tmp_path))
        (told,) = ended.events("spec_failed")
        assert (told["source"], told["line"], told["name"]) == ("s.csv", 3, "b")
        assert f"(id {stood})" in told["error"]


async def test_names_that_stand_are_no_reason_to_stop_however_many_they_are(tmp_path):
    async with beside(tmp_path) as place:
        names = [f"s {number}" for number in range(150)]
        seed(place, *names[:120])
        ended = await place.here(write_names(tmp_path / "s.csv", names))
        assert (ended.exit, ended.states[State.FAILED]) == (1, 120)
        assert ended.states[State.CREATED] == ended.requests.sent == 30


async def test_a_segment_of_another_key_of_ours_is_not_adopted(tmp_path):
    async with beside(tmp_path) as place:
        source = write_names(tmp_path / "s.csv", ["a"])
        await place.here(source)
        source.write_text("name,key\na,another\n")
        ended = await place.run(source, "--if-exists", "adopt")
        assert (ended.status, place.names()) == (1, ["a"])
        assert "belongs to another key" in ended.events("spec_failed")[0]["error"]


async def test_the_name_of_one_in_doubt_is_not_given_to_another_key(tmp_path):
    settings = Settings(faults=(Fault(FaultKind.HANG, 1),), search_lag=0.6)
    async with beside(tmp_path, settings) as place:
        source = write_names(tmp_path / "s.csv", ["a"])
        process = place.start("run", source, "--no-canary")
        await reached(process, lambda: place.names() == ["a"])
        process.kill()
        await end_of(process)
        source.write_text("name,key\na,another\n")
        ended = await place.here(source, canary=False)
        (failed,) = [row for row in every_row(tmp_path / "s.checkpoint") if row.state is State.FAILED]
        assert (ended.exit, place.names()) == (1, ["a"])
        assert "which is in doubt" in failed.error
        again = await place.run(source)
        assert (again.document["requests"]["sent"], place.names()) == (0, ["a"])
        assert "belongs to another key" in again.events("spec_failed")[0]["error"]


async def fails(_):
    return web.Response(status=500)


async def forbidden(_):
    return web.Response(status=403)


async def no_list(_):
    return web.Response(text="<html>be right back</html>", content_type="text/html")


async def shorter_than_it_says(send_on):
    page = json.loads((await send_on()).body)
    return web.json_response({**page, "elements": []})


async def with_less_on_each_page(send_on):
    page = json.loads((await send_on()).body)
    return web.json_response({**page, "total": 3})


@pytest.mark.parametrize("spoil", [fails, forbidden, no_list, shorter_than_it_says, with_less_on_each_page])
async def test_a_second_page_that_fails_stops_the_run_before_anything_is_sent(tmp_path, spoil):
    async def meddle(request, send_on):
        return await (spoil(send_on) if request.query.get("page") == "2" else send_on())

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        seed_pages(place)
        job = write_job(tmp_path, limits={"give_up_after": "600ms"})
        ended = await place.by_way_of(url).here(job)
        assert (ended.exit, ended.states[State.PENDING]) == (3, 3)
        assert place.asked("POST") == []
        assert set(states(tmp_path / "job.checkpoint").values()) == {State.PENDING}

        assert (await place.here(job)).states[State.FAILED] == 1
        assert place.names().count("b") == 1
