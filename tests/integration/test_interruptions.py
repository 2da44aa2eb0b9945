"""The command, interrupted: by signals, a full disk, a server that goes or stalls; then gone on with."""

import asyncio
import resource
import time

import pytest
from aiohttp import web

from bulkseg.model import State
from bulkseg.sandbox import Settings, environment
from bulkseg.sandbox.faults import Fault, FaultKind
from tests.integration.beside import (
    beside,
    discovering,
    end_of,
    reached,
    relayed,
    rows,
    states,
)
from tests.integration.commands import finish, held, sandbox, start
from tests.integration.disks import disk, fill_up
from tests.integration.wire import unused_port

COUNT = 40


def write_job(folder, count=COUNT, **limits):
    (folder / "s.csv").write_text("\n".join(["name", *(f"s {number}" for number in range(count))]) + "\n")
    said = {"rate": "200", "concurrency": "4", "settle": '"300ms"', **limits}
    job = folder / "job.toml"
    job.write_text(
        '[source]\npath = "s.csv"\n[[segment]]\nname = "{{ name }}"\n[limits]\n'
        + "\n".join(f"{name} = {value}" for name, value in said.items())
    )
    return job


def all_once(names, count=COUNT):
    return sorted(names) == sorted(f"s {number}" for number in range(count))


HANGS = Settings(faults=(Fault(FaultKind.HANG, 12),), record_arrivals=True)


async def test_a_signal_waits_no_longer_than_a_request_may_take(tmp_path):
    async with beside(tmp_path, HANGS) as place:
        job = write_job(tmp_path, timeout='"1s"')
        process = place.start("run", job, "--json", "--no-canary")
        await reached(process, lambda: len(place.names()) >= 12)
        await asyncio.sleep(0.1)
        process.terminate()
        at, sent = time.monotonic(), len(place.asked("POST"))
        ended = await end_of(process)
        assert time.monotonic() - at < 1.0 + 2.0
        assert ended.status == ended.document["exit"] == 143
        assert len(place.asked("POST")) <= sent + 4, "no more than what was on its way"
        counts = ended.document["states"]
        assert counts["sending"] >= 1, "what hangs is in doubt"
        assert counts["created"] + counts["sending"] == len(place.names())
        assert counts["created"] + counts["sending"] + counts["pending"] == COUNT

        assert (await place.here(job)).exit == 0
        assert all_once(place.names())


async def test_a_second_signal_ends_at_once_and_the_checkpoint_is_right(tmp_path):
    async with beside(tmp_path, HANGS) as place:
        job = write_job(tmp_path, timeout='"1s"')
        process = place.start("run", job, "--no-canary")
        await reached(process, lambda: len(place.names()) >= 12)
        process.terminate()
        await asyncio.sleep(0.2)
        assert process.poll() is None
        process.terminate()
        assert await asyncio.to_thread(process.wait, 0.5) == 143
        await end_of(process)
        made = [name for name, state in states(tmp_path / "job.checkpoint").items() if state is State.CREATED]
        assert set(made) <= set(place.names())
        assert (await place.here(job)).exit == 0
        assert all_once(place.names())


async def test_a_signal_during_a_hanging_canary_ends_without_a_stray_word(tmp_path):
    async with beside(tmp_path, Settings(faults=(Fault(FaultKind.HANG, 1),))) as place:
        process = place.start("run", write_job(tmp_path, timeout='"1s"'), "--json")
        await reached(process, lambda: len(place.names()) == 1)
        process.terminate()
        ended = await end_of(process)
        assert ended.status == 143
        assert {line["event"] for line in ended.log} == {
            "run_started",
            "draining",
            "server_silent",
            "run_ended",
        }


async def asks_to_wait(_request):
    return web.Response(status=429, headers={"Retry-After": "120"})


async def is_in_trouble(_request):
    return web.Response(status=503, headers={"Retry-After": "120"})


async def never_answers(_request):
    await asyncio.sleep(30)
    return web.Response(status=500)


@pytest.mark.parametrize("answer", [asks_to_wait, is_in_trouble, never_answers])
async def test_a_signal_while_the_first_list_waits_for_the_server_ends_it(tmp_path, answer):
    came = asyncio.Event()

    async def meddle(request, send_on):
        if request.path == "/id":
            return await send_on()
        came.set()
        return await answer(request)

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        process = place.by_way_of(url).start("run", write_job(tmp_path, timeout='"1s"'), "--json")
        async with asyncio.timeout(20):
            await came.wait()
        await asyncio.sleep(0.2)
        at = time.monotonic()
        process.terminate()
        try:
            ended = await asyncio.wait_for(end_of(process), 6)
        finally:
            process.kill()
        assert time.monotonic() - at < 1.0 + 2.0
        assert ended.status == ended.document["exit"] == 143
        assert ended.document["states"]["pending"] == COUNT


async def test_a_disk_that_fills_up_in_the_middle_stops_it_and_with_room_it_goes_on(tmp_path):
    job = write_job(tmp_path, 300, concurrency=8)
    folder = tmp_path / "disk"
    checkpoint = folder / "job.checkpoint"
    with disk(folder, 16) as mounted:
        async with beside(tmp_path) as place:
            process = place.start("run", job, "--checkpoint", checkpoint, "--json")
            await reached(process, lambda: len(place.names()) > 30)
            if mounted:
                ballast = fill_up(folder)
            else:
                room = max(one.stat().st_size for one in folder.iterdir())
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
            ended = await end_of(process)
            assert ended.status == ended.document["exit"] == 3, ended.err
            assert "could not be written" in ended.document["stopped"]
            assert "Traceback" not in ended.err
            counts, made = ended.document["states"], len(place.names())
            assert counts["created"] + counts["sending"] >= made > counts["created"] > 0
            assert made < 300

            if mounted:
                ballast.unlink()
            again = await place.run(job, "--checkpoint", checkpoint)
            assert (again.status, again.document["states"]["created"]) == (0, 300)
            assert all_once(place.names(), 300)


def test_a_server_that_is_killed_and_started_again_is_waited_for(tmp_path):
    port = unused_port()
    options = ("--port", port, "--db", tmp_path / "sandbox.db", "--latency", "0.05")
    site = environment(f"http://127.0.0.1:{port}")
    job = write_job(tmp_path, timeout='"2s"')
    server = start("sandbox", *options, cwd=tmp_path)
    assert server.stdout.readline().startswith("export")
    process = start("run", job, "--json", "--rate", "60", cwd=tmp_path, site=site)
    while len(held(site)) < 15:
        assert process.poll() is None
        time.sleep(0.02)
    server.kill()
    finish(server)
    while '"server_silent"' not in (line := process.stderr.readline()):
        assert line, "it ended without a word"
    time.sleep(0.3)
    assert process.poll() is None, "it waits"
    with sandbox(*options, cwd=tmp_path):
        ended = finish(process)
        assert (ended.status, ended.document["states"]["created"]) == (0, COUNT)
        assert ended.events("server_back")
        assert all_once(held(site).values())


async def test_a_network_that_stalls_without_closing_is_waited_out_and_nothing_is_made_twice(tmp_path):
    stalled = asyncio.Event()

    async def meddle(_request, send_on):
        answer = await send_on()
        if stalled.is_set():
            await asyncio.sleep(30)  # whatever comes is taken, done, and never answered
        return answer

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        job = write_job(tmp_path, timeout='"500ms"')
        process = place.by_way_of(url).start("run", job, "--json")
        await reached(process, lambda: len(place.names()) > 10)
        stalled.set()
        await asyncio.sleep(1.5)
        stalled.clear()
        ended = await end_of(process)
        assert (ended.status, ended.document["states"]["created"]) == (0, COUNT), ended.err
        assert all_once(place.names())
        assert [line["event"] for line in ended.log if line["event"].startswith("server")][:1] == [
            "server_silent"
        ]
        assert any(row.reconciled for row in rows(tmp_path / "job.checkpoint").values())


async def test_a_sign_in_that_stalls_is_tried_again_until_the_time_to_give_up(tmp_path):
    async def meddle(_request, _send_on):
        await asyncio.sleep(30)
        return web.Response()

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        job = write_job(tmp_path, timeout='"200ms"', give_up_after='"500ms"')
        ended = await place.run(job, **discovering(url))
        assert ended.status == ended.document["exit"] == 3
        assert "got no answer" in ended.document["stopped"]
        assert "asked for 0.5 s" in ended.document["stopped"]
        assert place.asked() == []


async def test_a_run_whose_sign_in_meets_an_outage_begins_once_it_is_over(tmp_path):
    turned_away = []

    async def meddle(_request, send_on):
        if len(turned_away) < 2:
            turned_away.append(503)
            return web.Response(status=503)
        return await send_on()

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        ended = await place.run(write_job(tmp_path, 3), **discovering(url))
        assert (ended.status, len(place.names())) == (0, 3)
        assert [line["event"] for line in ended.log][:3] == ["server_silent", "server_back", "run_started"]


async def test_a_signal_ends_the_wait_for_a_sign_in(tmp_path):
    async def meddle(_request, _send_on):
        return web.Response(status=503)

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        process = place.by_way_of(url).start("run", write_job(tmp_path, 3), "--json")
        await asyncio.to_thread(process.stderr.readline)
        process.terminate()
        ended = await end_of(process)
        assert (ended.status, ended.document["run"], place.asked()) == (143, None, [])


async def test_connections_that_the_server_closes_between_requests_cost_no_post(tmp_path):
    settings = Settings(keepalive=0.05, record_arrivals=True)
    async with beside(tmp_path, settings) as place:
        ended = await place.run(write_job(tmp_path, 10, concurrency=1), "--rate", "12")
        assert (ended.status, len(place.asked("POST"))) == (0, 10)
        assert ended.document["requests"]["retried"] == 0
