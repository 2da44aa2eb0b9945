import asyncio
import os
import signal
import subprocess
import sys
from email.utils import parsedate_to_datetime
from time import monotonic, time

import pytest
from aiohttp import ClientSession, ServerDisconnectedError
from typer.testing import CliRunner

from bulkseg.cli import app
from bulkseg.errors import ConfigError
from bulkseg.sandbox import Kept, Names, Settings, Unique, Wins, serve
from tests.integration.sandbox_client import API, CREDENTIALS, sandboxed

# --- Names ----------------------------------------------------------------------------------------------


async def test_names_may_come_twice_unless_told_otherwise():
    async with sandboxed() as client:
        assert [(await client.create("Gold")).status for _ in range(2)] == [201, 201]


@pytest.mark.parametrize("unique", [Unique.BAD_REQUEST, Unique.CONFLICT])
@pytest.mark.parametrize("says_which", [True, False])
async def test_a_taken_name_is_refused_with_the_id_that_has_it_or_without(unique, says_which):
    async with sandboxed(Settings(unique=unique, conflicting_id=says_which)) as client:
        first = (await client.create("Gold")).json["id"]
        refused = await client.create("Gold")
        (error,) = refused.json
        named = {"conflictingId": first} if says_which else {}
        assert refused.status == int(unique)
        assert (error["property"], error["value"]) == ("name", "Gold")
        assert error["requirement"] == {"type": "UniquenessRequirement", **named}
        assert client.sandbox.store.count() == 1


async def test_a_unique_name_is_kept_by_copy_and_put_as_well():
    async with sandboxed(Settings(unique=Unique.CONFLICT, search_lag=60)) as client:
        gold, silver = [(await client.create(name)).json["id"] for name in ("Gold", "Silver")]
        assert (await client.post(f"/segment/{gold}/copy", name="Silver")).status == 409
        assert (await client.ask("PUT", f"/segment/{silver}", json={"name": "Gold"})).status == 409
        assert (await client.ask("PUT", f"/segment/{silver}", json={"name": "Silver"})).status == 200


@pytest.mark.parametrize(
    ("names", "stored"),
    [
        (Names.EXACT, "  \N{FULLWIDTH LATIN CAPITAL LETTER E}U \t Straße "),
        (Names.TRIM, "\N{FULLWIDTH LATIN CAPITAL LETTER E}U \t Straße"),
        (Names.FOLD, "eu strasse"),
    ],
)
async def test_a_name_is_stored_as_it_is_trimmed_or_folded(names, stored):
    async with sandboxed(Settings(names=names)) as client:
        made = await client.create("  \N{FULLWIDTH LATIN CAPITAL LETTER E}U \t Straße ")
        assert made.json["name"] == stored
        assert await client.names(search=f"name='{stored}'") == [stored]


async def test_names_are_compared_as_they_are_stored():
    async with sandboxed(Settings(names=Names.FOLD, unique=Unique.CONFLICT)) as client:
        assert [(await client.create(name)).status for name in ("Gold", "GOLD", "  ")] == [201, 409, 400]


# --- What is listened to --------------------------------------------------------------------------------


async def test_folder_and_description_may_be_ignored():
    async with sandboxed(Settings(folder=Kept.IGNORED, description=Kept.IGNORED)) as client:
        made = (await client.create("Gold", folderId="180344", description="d")).json
        assert made["folderId"] == "1"
        assert "description" not in made


async def test_a_copy_stays_in_its_sources_folder_where_the_asked_one_is_ignored():
    async with sandboxed(Settings(folder=Kept.IGNORED)) as client:
        source = client.sandbox.store.add("Gold", folder_id=77)
        copied = await client.post(f"/segment/{source.id}/copy", name="Copy", folderId="180344")
        assert copied.json["folderId"] == "77"


@pytest.mark.parametrize(("wins", "name"), [(Wins.ASKED, "Copy"), (Wins.SOURCE, "Gold")])
async def test_a_copy_has_the_name_asked_for_or_its_sources(wins, name):
    async with sandboxed(Settings(copy_name=wins)) as client:
        source = client.sandbox.store.add("Gold")
        assert (await client.post(f"/segment/{source.id}/copy", name="Copy")).json["name"] == name


@pytest.mark.parametrize(("wins", "listed"), [(Wins.ASKED, "2"), (Wins.SOURCE, "1")])
async def test_a_copy_has_the_elements_asked_for_or_its_sources(wins, listed):
    async with sandboxed(Settings(copy_elements=wins)) as client:
        source = client.sandbox.store.add("Gold", rest={"elements": [{"id": "5", "list": {"id": "1"}}]})
        asked = [{"id": "-1", "list": {"id": "2"}}]
        copied = await client.post(f"/segment/{source.id}/copy", name="Copy", elements=asked)
        assert copied.json["elements"][0]["list"]["id"] == listed


# --- How quick and how willing --------------------------------------------------------------------------


async def test_too_many_requests_get_a_429_that_says_when_to_come_again():
    async with sandboxed(Settings(rate=3, retry_after=2)) as client:
        answers = [await client.create("x") for _ in range(5)]
        assert [answer.status for answer in answers] == [201, 201, 201, 429, 429]
        assert answers[-1].headers["retry-after"] == "2"
        assert client.sandbox.store.count() == 3


async def test_a_429_may_name_a_date_or_nothing():
    async with sandboxed(Settings(rate=1, retry_after=30, retry_after_as_date=True)) as client:
        _, refused = await client.get("/segments"), await client.get("/segments")
        assert 29 < parsedate_to_datetime(refused.headers["retry-after"]).timestamp() - time() < 32
    async with sandboxed(Settings(rate=1, retry_after=None)) as client:
        _, refused = await client.get("/segments"), await client.get("/segments")
        assert (refused.status, "retry-after" in refused.headers) == (429, False)


async def test_discovery_does_not_count_against_the_rate():
    async with sandboxed(Settings(rate=1)) as client:
        for _ in range(3):
            assert (await client.ask("GET", "/id", whole=True)).status == 200
        assert (await client.get("/segments")).status == 200


async def test_answers_take_their_time_side_by_side():
    async with sandboxed(Settings(latency=0.2)) as client:
        start = monotonic()
        await asyncio.gather(*(client.create(f"s{number}") for number in range(20)))
        assert 0.2 <= monotonic() - start < 1.5


async def test_a_segment_is_made_whether_its_client_waits_for_it_or_not():
    async with sandboxed(Settings(latency=0.1)) as client:
        asked = asyncio.create_task(client.create("Gold"))
        await asyncio.sleep(0.02)
        asked.cancel()
        await client.until_made(1)


async def test_a_new_segment_is_missing_from_lists_and_searches_for_a_while():
    async with sandboxed(Settings(search_lag=0.2)) as client:
        made = (await client.create("Gold")).json
        assert await client.names() == []
        assert await client.names(search="name='Gold'") == []
        assert (await client.get(f"/segment/{made['id']}")).status == 200
        await asyncio.sleep(0.25)
        assert await client.names() == ["Gold"]


async def test_the_first_creates_and_copies_may_be_forbidden():
    async with sandboxed(Settings(forbid=2)) as client:
        source = client.sandbox.store.add("Gold")
        assert (await client.create("x")).status == 403
        assert (await client.get("/segments")).status == 200
        assert (await client.post(f"/segment/{source.id}/copy", name="x")).status == 403
        assert (await client.create("x")).status == 201


async def test_a_segment_that_something_depends_on_cannot_be_deleted():
    async with sandboxed(Settings(in_use=frozenset({"Gold"}))) as client:
        gold, silver = [(await client.create(name)).json["id"] for name in ("Gold", "Silver")]
        assert (await client.ask("DELETE", f"/segment/{gold}")).status == 412
        assert (await client.ask("DELETE", f"/segment/{silver}")).status == 200


async def test_segments_of_another_user_can_stand_there_before():
    async with sandboxed() as client:
        client.sandbox.store.add("Theirs", created_by=99)
        await client.create("Ours")
        assert await client.names(search="createdBy=99") == ["Theirs"]
        assert await client.names(search="createdBy!=99") == ["Ours"]


async def test_arrivals_are_recorded_when_asked_for():
    async with sandboxed(Settings(record_arrivals=True)) as client:
        start = monotonic()
        await client.create("Gold")
        (arrival,) = client.sandbox.store.arrivals
        assert start <= arrival.at <= monotonic()
        assert (arrival.method, arrival.path) == ("POST", f"{API}/segment")
    async with sandboxed() as client:
        await client.create("Gold")
        assert client.sandbox.store.arrivals == []


async def test_an_idle_connection_is_closed_after_a_while():
    async with sandboxed(Settings(keepalive=0.05)) as client:
        host, port = client.sandbox.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /id HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 3)  # until the sandbox closes it
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


# --- Where it listens, and what it keeps ----------------------------------------------------------------


async def test_it_listens_on_this_machine_alone_unless_told_otherwise():
    async with serve(Settings()) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")


async def test_a_port_that_is_taken_is_a_clear_error():
    async with serve(Settings()) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with serve(Settings(port=port)):
                pass


SERVE_UNTIL_TOLD = """
import sys
from pathlib import Path
from bulkseg.sandbox import Settings, parse_fault, run
faults = tuple(map(parse_fault, sys.argv[2:]))
run(Settings(db=Path(sys.argv[1]), faults=faults), lambda sandbox: print(sandbox.url, flush=True))
"""


@pytest.fixture
def start(tmp_path):
    """Starts a sandbox over one database in a process of its own; gives the process and its URL."""
    processes = []

    def run_it(*faults: str):
        command = [
            sys.executable,
            "-W",
            "error",
            "-c",
            SERVE_UNTIL_TOLD,
            str(tmp_path / "sandbox.db"),
            *faults,
        ]
        environ = {**os.environ, "PYTHONPATH": os.getcwd()}  # noqa: PTH109 - where the package lies
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environ, text=True, **pipes)
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield run_it
    for process in processes:
        process.kill()
        process.communicate()


async def post(url, name):
    async with (
        ClientSession(headers={"Authorization": CREDENTIALS}) as session,
        session.post(f"{url}{API}/segment", json={"name": name}) as response,
    ):
        return (await response.json())["id"]


async def names(url):
    async with (
        ClientSession(headers={"Authorization": CREDENTIALS}) as session,
        session.get(f"{url}{API}/segments") as response,
    ):
        return {element["id"]: element["name"] for element in (await response.json())["elements"]}


async def test_what_was_answered_outlives_a_kill(start):
    process, url = start("lost:4")
    made = {await post(url, name): name for name in ("one", "two", "three")}
    with pytest.raises(ServerDisconnectedError):
        await post(url, "four")
    process.kill()
    process.wait()
    _, url = start()
    kept = await names(url)
    assert made.items() < kept.items()
    assert sorted(kept.values()) == ["four", "one", "three", "two"]
    assert int(await post(url, "five")) > max(map(int, kept))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(start, tmp_path, number):
    process, url = start()
    await post(url, "one")
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.db"]


# --- At the command line --------------------------------------------------------------------------------


def test_each_way_that_a_server_may_have_with_names_and_bodies_can_be_asked_for_at_the_command_line(
    monkeypatch,
):
    asked = []
    monkeypatch.setattr("bulkseg.sandbox.run", lambda settings, _: asked.append(settings))
    ways = {
        "--unique": "409",
        "--names": "fold",
        "--folder": "ignored",
        "--description": "ignored",
        "--copy-name": "source",
        "--copy-elements": "source",
        "--search-lag": "2.5",
    }
    arguments = [word for option in ways.items() for word in option]
    assert CliRunner().invoke(app, ["sandbox", *arguments, "--no-conflicting-id"]).exit_code == 0
    assert asked == [
        Settings(
            unique=Unique.CONFLICT,
            conflicting_id=False,
            names=Names.FOLD,
            folder=Kept.IGNORED,
            description=Kept.IGNORED,
            copy_name=Wins.SOURCE,
            copy_elements=Wins.SOURCE,
            search_lag=2.5,
        )
    ]
