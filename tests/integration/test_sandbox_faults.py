import asyncio

import pytest
from aiohttp import ClientError, ClientPayloadError, ClientSession, ClientTimeout, ServerDisconnectedError

from bulkseg.sandbox import Settings, parse_fault, serve
from tests.integration.sandbox_client import API, CREDENTIALS, Client, sandboxed

SHORT = ClientTimeout(total=0.3)
PATIENT = ClientTimeout(total=10)


def faulty(*faults: str):
    return sandboxed(Settings(faults=tuple(map(parse_fault, faults))))


async def outcome(client, name, patience=PATIENT):
    """What a plain client sees of a create: the status, or the error's name."""
    url = f"{client.sandbox.url}{API}/segment"
    try:
        async with client.session.post(url, json={"name": name}, timeout=patience) as response:
            await response.read()
            return response.status
    except (ClientError, TimeoutError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("kind", "seen", "made"),
    [
        ("lost", "ServerDisconnectedError", 1),
        ("cut", "ClientOSError", 0),
        ("500-before", 500, 0),
        ("500-after", 500, 1),
        ("503-after", 503, 1),
        ("hang", "TimeoutError", 1),
        ("html-502", 502, 0),
        ("broken-off", "ClientPayloadError", 1),
    ],
)
async def test_a_fault_hits_every_second_create(kind, seen, made):
    async with faulty(f"{kind}:2") as client:
        assert await outcome(client, "first") == 201
        assert await outcome(client, "second", SHORT) == seen
        assert await outcome(client, "third") == 201
        assert len(client.sandbox.store.named("second")) == made
        assert client.sandbox.store.count() == 2 + made


async def test_a_copy_is_hit_like_a_create_and_nothing_else_is():
    async with faulty("lost:2") as client:
        source = (await client.create("source")).json["id"]
        for path in ("/segments", f"/segment/{source}", "/segment/folders"):
            assert (await client.get(path)).status == 200
        assert (await client.post("/segment/folder", name="x")).status == 201
        with pytest.raises(ServerDisconnectedError):
            await client.post(f"/segment/{source}/copy", name="copy")
        assert len(client.sandbox.store.named("copy")) == 1


async def raw(client):
    """The answer to a create, its body not read yet."""
    return await client.session.post(f"{client.sandbox.url}{API}/segment", json={"name": "x" * 99})


async def test_a_broken_off_body_comes_after_a_whole_201():
    async with faulty("broken-off:1") as client:
        response = await raw(client)
        assert (response.status, response.content_type) == (201, "application/json")
        assert response.headers["X-Request-Id"]
        assert int(response.headers["Content-Length"]) > 99
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_a_gateways_page_is_html():
    async with faulty("html-502:1") as client:
        response = await raw(client)
        assert (response.status, response.content_type) == (502, "text/html")
        assert "502 Bad Gateway" in await response.text()


async def test_a_refused_create_is_hit_too():
    async with faulty("lost:1") as client:
        with pytest.raises(ServerDisconnectedError):
            await client.create("")
        assert client.sandbox.store.count() == 0


async def test_a_shutdown_lets_go_of_what_hangs():
    settings = Settings(faults=(parse_fault("hang:1"),))
    async with asyncio.timeout(3), ClientSession(headers={"Authorization": CREDENTIALS}) as session:
        async with serve(settings) as sandbox:
            client = Client(sandbox, session)
            hanging = asyncio.create_task(outcome(client, "x"))
            await client.until_made(1)
        assert await hanging == "ServerDisconnectedError"


async def test_seven_faults_at_once_hit_half_of_all_requests_each_in_its_turn(caplog):
    kinds = ["lost", "500-after", "cut", "503-after", "500-before", "broken-off", "html-502"]
    async with faulty(*(f"{kind}:14" for kind in kinds)) as client:
        seen = [await outcome(client, f"s{number}") for number in range(14 * 10 + 6)]
        assert client.sandbox.store.count() == len(seen) - 3 * 10  # cut, 500-before and html-502 make nothing
    assert seen.count(201) == len(seen) - 7 * 10
    assert [seen.count(status) for status in (500, 502, 503)] == [20, 10, 10]
    assert seen.count("ClientPayloadError") == 10
    # What it does on purpose is no error of its own.
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []
