import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from bulkseg.clock import Clock
from bulkseg.eloqua import request
from bulkseg.eloqua import transport as module
from bulkseg.eloqua.flight import Burst, Flight
from bulkseg.eloqua.transport import Transport, open_transport
from bulkseg.errors import ConfigError
from bulkseg.model import Answer, NoAnswer
from bulkseg.version import version
from tests.integration.wire import Script, Wire, answers, http, reset, says, unused_port, wire

HEADERS = {"Authorization": "Basic ZGVtbw=="}
TYPES = {"Accept": "application/json", "Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def transport(*, seconds: float = 5.0, connections: int = 4) -> AsyncIterator[Transport]:
    async with open_transport(timeout=seconds, connections=connections, clock=Clock()) as found:
        yield found


async def post(script: Script, *, seconds: float = 5.0) -> tuple[Answer | NoAnswer, Wire]:
    async with wire(script) as server, transport(seconds=seconds) as client:
        return await client.request("POST", server.url, HEADERS, b'{"name":"a"}'), server


# --- What goes out --------------------------------------------------------------------------------------


async def test_a_request_goes_out_with_its_body_and_headers():
    reply, server = await post(answers(http(body=b'{"id":"5"}')))

    assert reply == Answer(201, b'{"id":"5"}')
    ((line, headers, body),) = server.arrived
    assert (line, body) == ("POST /segment HTTP/1.1", b'{"name":"a"}')
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("bulkseg/")
    assert headers["authorization"] == HEADERS["Authorization"]


async def test_what_must_not_change_anything_does_not_leave_though_the_connection_is_there():
    async with wire(answers(http(), http(), http())) as server, transport() as client:
        client.may_change = lambda: False
        for method in ("POST", "DELETE"):
            reply = await client.request(method, server.url, HEADERS)
            assert isinstance(reply, NoAnswer)
            assert not reply.left
            assert "the lease on the checkpoint could not be renewed in time" in reply.error
        assert isinstance(await client.request("GET", server.url, HEADERS), Answer)
        client.may_change = lambda: True
        assert isinstance(await client.request("POST", server.url, HEADERS, b"{}"), Answer)
    assert [line.split()[0] for line, _, _ in server.arrived] == ["GET", "POST"]


async def test_a_connection_is_kept_and_cookies_are_not():
    async with wire(answers(http("200 OK", b"{}", "Set-Cookie: a=b; Path=/"), http())) as server:
        async with transport() as client:
            for _ in range(2):
                await client.request("POST", server.url, HEADERS, b"{}")

        assert server.connections == 1
        assert ["cookie" in headers for _, headers, _ in server.arrived] == [False, False]


async def test_a_redirect_is_an_answer_and_is_not_followed():
    reply, server = await post(answers(http("301 Moved", b"", "Location: /elsewhere")))

    assert reply == Answer(301, b"")
    assert server.lines == ["POST /segment HTTP/1.1"]


async def test_credentials_in_netrc_are_left_alone(tmp_path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login other password other\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))

    reply, server = await post(answers(http()))

    assert isinstance(reply, Answer)
    assert server.arrived[0][1]["authorization"] == HEADERS["Authorization"]


# --- Not sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:{port}", "Connection refused"),
        ("https://127.0.0.1:{port}", "no connection to 127.0.0.1:"),
        ("https://eloqua.invalid", "no address found for eloqua.invalid"),
        ("http://2130706433", "the request broke off: InvalidUrlClientError"),
    ],
)
async def test_without_a_connection_nothing_has_left(address: str, words: str):
    async with transport() as client:
        reply = await client.request("POST", URL(address.format(port=unused_port())), HEADERS, b"{}")

    assert isinstance(reply, NoAnswer)
    assert not reply.left
    assert words in reply.error


async def test_tls_with_a_server_that_has_none_sends_nothing():
    async def plain(_: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with wire(plain) as server, transport() as client:
        reply = await client.request("POST", URL(f"https://127.0.0.1:{server.port}"), HEADERS, b"{}")

    assert isinstance(reply, NoAnswer)
    assert not reply.left
    assert "no connection to 127.0.0.1" in reply.error


async def test_a_tls_handshake_that_never_ends_sends_nothing():
    async def mute(_: Wire, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with wire(mute) as server, transport(seconds=0.1) as client:
        reply = await client.request("POST", URL(f"https://127.0.0.1:{server.port}"), HEADERS, b"{}")

    assert reply == NoAnswer(left=False, error="no connection in time")


async def test_a_request_that_waits_for_a_connection_in_vain_has_not_left():
    async with wire(says(then="hang")) as server, transport(seconds=0.1, connections=1) as client:
        first, second = await asyncio.gather(
            client.request("POST", server.url, HEADERS, b"1"),
            client.request("POST", server.url, HEADERS, b"2"),
        )

    assert first == NoAnswer(left=True, error="no answer in time")
    assert second == NoAnswer(left=False, error="no connection in time")
    assert [body for _, _, body in server.arrived] == [b"1"]


# --- In doubt -------------------------------------------------------------------------------------------


async def vanish(_: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n")
    reset(writer)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (says(then="hang"), "no answer in time"),
        (says(then="close"), "the connection was closed before an answer came"),
        (says(then="reset"), "the connection broke: Connection reset by peer"),
        (says(b"HTTP/1.1 201 Created\r\nContent-Le"), "the connection was closed before an answer came"),
        (says(b"HTTP/1.1 201 Created\r\nContent-Le", then="hang"), "no answer in time"),
        (says(b"220 mail.example.test ESMTP\r\n"), "the answer is not HTTP"),
        (says(b"HTTP/1.1 201 Created\r\nContent-Length: many\r\n\r\n{}"), "the answer is not HTTP"),
        (vanish, "the connection broke"),
    ],
)
async def test_once_it_may_have_left_a_request_without_an_answer_is_in_doubt(script: Script, words: str):
    reply, _ = await post(script, seconds=0.2)

    assert isinstance(reply, NoAnswer)
    assert reply.left
    assert words in reply.error


async def test_a_cancelled_request_is_cancelled():
    async with wire(says(then="hang")) as server, transport() as client:
        task = asyncio.create_task(client.request("POST", server.url, HEADERS, b"{}"))
        await server.came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- A connection that the server has closed ------------------------------------------------------------


async def closes_after_reading_the_second(
    found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await found.request(reader)
    writer.write(http())
    await found.request(reader)


async def test_a_post_that_a_kept_connection_swallows_is_never_sent_again():
    async with wire(closes_after_reading_the_second) as server, transport() as client:
        await client.request("POST", server.url, HEADERS, b"1")
        second = await client.request("POST", server.url, HEADERS, b"2")

    assert second == NoAnswer(left=True, error="the connection was closed before an answer came")
    assert [body for _, _, body in server.arrived] == [b"1", b"2"]


async def test_a_get_that_a_kept_connection_swallows_is_sent_again():
    async with wire(closes_after_reading_the_second) as server, transport() as client:
        await client.request("GET", server.url, HEADERS)
        second = await client.request("GET", server.url, HEADERS)

    assert isinstance(second, Answer)
    assert len(server.arrived) == 3


@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_a_post_to_a_server_that_closes_after_each_answer_arrives_once(pause: float):
    async with wire(answers(http())) as server, transport() as client:
        await client.request("POST", server.url, HEADERS, b"1")
        await asyncio.sleep(pause)
        second = await client.request("POST", server.url, HEADERS, b"2")

    arrived = [body for _, _, body in server.arrived].count(b"2")
    assert arrived == (1 if isinstance(second, Answer) else 0)
    assert isinstance(second, Answer) or second.left


# --- Bodies that are not whole --------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nX-Request-Id: r-1\r\n\r\n"
ZIPPED = gzip.compress(b'{"id":"5"}' * 50)


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (says(http(body=b'{"id":', length=100)), b'{"id":'),
        (says(http(body=b'{"id":', length=100), then="reset"), None),
        (says(http(body=b'{"id":', length=100), then="hang"), b'{"id":'),
        (says(http(body=b"", length=100)), b""),
        (says(CHUNKED + b'6\r\n{"id":\r\n'), b'{"id":'),
        (says(CHUNKED + b'6\r\n{"id":\r\n', b"zz\r\n"), None),
        (says(http("201 Created", b"not zipped", "Content-Encoding: gzip")), None),
    ],
)
async def test_an_answer_whose_body_breaks_off_keeps_its_status(script: Script, body: bytes | None):
    reply, _ = await post(script, seconds=0.2)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.whole) == (201, False)
    assert body is None or reply.body == body


async def test_a_body_beyond_the_limit_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LARGEST_BODY", 1000)
    async with wire(answers(http(body=b"x" * 200_000), http())) as server, transport() as client:
        first = await client.request("GET", server.url, HEADERS)
        second = await client.request("GET", server.url, HEADERS)

    words = b"an answer of more than 1,000 bytes, which was cut off"
    assert first == Answer(201, words)
    assert second == Answer(201, b"{}" if server.connections == 1 else words)


async def test_a_zipped_body_is_unzipped_and_a_strange_charset_is_no_matter():
    headers = ("Content-Encoding: gzip", "Content-Type: text/x; charset=klingon")
    reply, _ = await post(answers(http("400 Bad", ZIPPED, *headers)))

    assert reply == Answer(400, b'{"id":"5"}' * 50)


async def test_an_answer_without_a_body_is_whole():
    reply, _ = await post(answers(b"HTTP/1.1 204 No Content\r\n\r\n"))

    assert reply == Answer(204, b"")


async def test_an_answer_that_comes_before_the_body_was_read_is_kept():
    async def hasty(_: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http("413 Too Large", b"[]", "Connection: close"))
        await writer.drain()
        await reader.read()

    async with wire(hasty) as server, transport(seconds=0.5) as client:
        reply = await client.request("POST", server.url, HEADERS, b"x" * 1_000_000)

    assert reply == Answer(413, b"[]")


async def deaf(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says no to a first request by its head alone, lets its connection stand, and reads all others."""
    if found.connections > 1:
        await answers(http(body=b'{"id":"2"}'))(found, reader, writer)
    else:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http("429 Slow", b"[]"))
        await asyncio.Event().wait()


@pytest.mark.parametrize("by", ["aiohttp", "our burst"])
async def test_a_large_body_that_is_answered_unread_keeps_neither_a_request_nor_the_end_waiting(
    by: str, monkeypatch: pytest.MonkeyPatch
):
    if by == "our burst":
        monkeypatch.setattr(module, "LARGEST", 1_000_000_000)
    async with asyncio.timeout(20), wire(deaf) as server:
        async with transport() as client:
            first = await client.request("POST", server.url, HEADERS, b"x" * 16_000_000)
            second = await client.request("POST", server.url, HEADERS, b"small")
        async with transport() as client:
            server.connections = 0
            assert await client.request("POST", server.url, HEADERS, b"x" * 16_000_000) == first
    assert (first, second) == (Answer(429, b"[]"), Answer(201, b'{"id":"2"}'))
    assert [body for _, _, body in server.arrived] == [b"small"]


async def test_a_request_by_a_connection_that_still_has_a_body_to_write_comes_after_it_and_whole(
    monkeypatch: pytest.MonkeyPatch,
):
    """Answered early, and its connection kept. Its next request leaves in one burst with another one."""
    monkeypatch.setattr(module, "LARGEST", 1_000_000_000)
    monkeypatch.setattr(ResponseHandler, "force_close", lambda _: None)
    large = b"x" * 16_000_000
    read_on = asyncio.Event()

    async def early(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(4) == b"POST":
            await asyncio.sleep(0.05)  # so that the other connection is the next to be taken
            writer.write(http())
            await read_on.wait()
            await found.request(reader)
        else:
            await found.request(reader)
            writer.write(http())
        await found.request(reader)
        writer.write(http(body=b'{"id":"2"}'))

    def post(client: Transport, body: bytes) -> asyncio.Task[Answer | NoAnswer]:
        return asyncio.create_task(client.request("POST", server.url, HEADERS, body))

    async with wire(early) as server, transport(connections=2) as client:
        idle = asyncio.create_task(client.request("GET", server.url, HEADERS))
        assert await post(client, large) == await idle == Answer(201, b"{}")
        both = [post(client, b"other"), post(client, b"small")]
        await asyncio.sleep(0.05)
        read_on.set()
        assert await asyncio.gather(*both) == [Answer(201, b'{"id":"2"}')] * 2
    assert server.connections == 2
    assert sorted(body for _, _, body in server.arrived) == sorted([b"", large, b"other", b"small"])


@pytest.mark.parametrize("size", [request.LARGEST, request.LARGEST + 1, 16_000_000])
async def test_a_body_of_any_size_arrives_whole_and_its_connection_is_used_again(size: int):
    async with wire(answers(http(), http())) as server, transport() as client:
        for _ in range(2):
            assert await client.request("POST", server.url, HEADERS, b"x" * size) == Answer(201, b"{}")
    assert [len(body) for _, _, body in server.arrived] == [size, size]
    assert server.connections == 1


@pytest.mark.parametrize("size", [10, request.LARGEST + 1], ids=["our burst", "aiohttp"])
async def test_what_aiohttp_sends_again_by_itself_is_the_same_request(size: int):
    """It does so where a connection of the pool breaks, for methods that may be repeated."""

    async def breaks(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await found.request(reader)
        if found.connections == 1:
            writer.write(http())
            await found.request(reader)
        else:
            writer.write(http(body=b'{"id":"2"}'))
            await reader.read()

    async with wire(breaks) as server, transport() as client:
        for body in (b"first", b"x" * size):
            reply = await client.request("PUT", server.url, HEADERS, body)
    assert reply == Answer(201, b'{"id":"2"}')
    assert [len(body) for _, _, body in server.arrived] == [5, size, size]
    assert server.arrived[1] == server.arrived[2]


@pytest.mark.parametrize(
    "body", [b'{"name":"a"}', b"x" * (request.LARGEST + 1)], ids=["our burst", "aiohttp"]
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_both_ways_to_write_a_request_give_the_same_head(method: str, body: bytes):
    sent = body if method == "POST" else None
    async with wire(answers(http(), http())) as server, transport() as client:
        url = (server.url / "ä b").with_query(search="name='O''B *+'", page="2")
        assert isinstance(await client.request(method, url, HEADERS, sent), Answer)
        async with aiohttp.ClientSession() as plain:
            headers = {"User-Agent": f"bulkseg/{version()}", **TYPES, **HEADERS}
            async with plain.request(method, url, headers=headers, data=sent) as reply:
                assert reply.status == 201
    ours, its = server.arrived
    assert ours == its
    assert ours[1]["content-length"] == str(len(body)) if method == "POST" else ours[2] == b""


async def test_the_headers_are_those_of_this_request_whatever_the_last_one_had():
    async with wire(answers(*[http()] * 4)) as server, transport() as client:
        for own in ({"A": "1"}, {"Content-Type": "text/x"}, {"A": "2"}, HEADERS):
            await client.request("POST", server.url, own, b"{}")
    names = ("a", "content-type", "authorization")
    assert [[headers.get(name) for name in names] for _, headers, _ in server.arrived] == [
        ["1", "application/json", None],
        [None, "text/x", None],
        ["2", "application/json", None],
        [None, "application/json", HEADERS["Authorization"]],
    ]


@pytest.mark.parametrize("value", ["a\r\nHost: other", "a\nb", "a\0", "a\ud800"])
async def test_a_header_that_would_end_the_head_sends_nothing(value: str):
    async with wire(answers(http())) as server, transport() as client:
        reply = await client.request("POST", server.url, {"Authorization": value}, b"{}")
    assert isinstance(reply, NoAnswer)
    assert value not in reply.error
    assert server.arrived == []


def spoken(what: bytes) -> Script:
    """Answers a request, and then says something more that nobody asked for."""

    async def script(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await found.request(reader)
        writer.write(http(body=b'{"id":"1"}'))
        if found.connections == 1:
            await asyncio.sleep(0.02)
            writer.write(what)
        await found.request(reader)
        writer.write(http(body=b'{"id":"2"}'))

    return script


UNASKED = [
    http("408 Request Timeout", b""),
    http("408 Request Timeout", b"", "Connection: close"),
    http(body=b'{"id":"1"}'),
]


@pytest.mark.parametrize("size", [10, request.LARGEST + 1], ids=["our burst", "aiohttp"])
@pytest.mark.parametrize("what", UNASKED, ids=["408", "408, closing", "201"])
async def test_what_a_server_says_unasked_is_no_answer_to_the_next_request(what: bytes, size: int):
    async with wire(spoken(what)) as server, transport() as client:
        assert await client.request("POST", server.url, HEADERS, b"one") == Answer(201, b'{"id":"1"}')
        await asyncio.sleep(0.1)
        reply = await client.request("POST", server.url, HEADERS, b"x" * size)
        assert isinstance(reply, NoAnswer)
        assert not reply.left
        assert "the server said something that it was not asked for" in reply.error
        assert await client.request("POST", server.url, HEADERS, b"three") == Answer(201, b'{"id":"1"}')
    assert [body for _, _, body in server.arrived] == [b"one", b"three"]


async def test_what_is_said_unasked_while_a_request_is_about_to_leave_is_no_answer_to_it(
    monkeypatch: pytest.MonkeyPatch,
):
    async with wire(answers(http(), http())) as server, transport() as client:
        await client.request("POST", server.url, HEADERS, b"one")
        add = Burst.add

        def late(burst: Burst, flight: Flight, connection: ResponseHandler, ready: bytes) -> None:
            add(burst, flight, connection, ready)
            connection.data_received(http(body=b'{"id":"1"}'))

        monkeypatch.setattr(Burst, "add", late)
        reply = await client.request("POST", server.url, HEADERS, b"two")
        await asyncio.sleep(0.05)
    assert isinstance(reply, NoAnswer)
    assert not reply.left
    assert [body for _, _, body in server.arrived] == [b"one"]


async def test_headers_with_any_bytes_are_harmless():
    headers = ("X-Request-Id: r\xff\x9b", "Retry-After: soon", "Date: \xe4", "Set-Cookie: =;;\xff")
    reply, _ = await post(answers(http("429 Slow", b"", *headers)))

    assert isinstance(reply, Answer)
    assert (reply.status, reply.retry_after, reply.whole) == (429, None, True)
    assert (reply.request_id or "").encode()
    assert (reply.date or "").encode()


# --- Proxies --------------------------------------------------------------------------------------------


async def test_a_proxy_of_the_environment_is_used_with_its_password(monkeypatch: pytest.MonkeyPatch):
    async with wire(answers(http())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"user:pass@127.0.0.1:{proxy.port}")
        async with transport() as client:
            reply = await client.request("POST", URL("http://eloqua.example.test/a"), HEADERS, b"{}")

    assert isinstance(reply, Answer)
    ((line, headers, _),) = proxy.arrived
    assert line == "POST http://eloqua.example.test/a HTTP/1.1"
    assert headers["proxy-authorization"].startswith("Basic ")
    assert headers["authorization"] == HEADERS["Authorization"]


async def test_a_proxy_that_refuses_the_tunnel_has_let_nothing_through(monkeypatch: pytest.MonkeyPatch):
    async with wire(answers(http("407 Proxy Authentication Required", b""))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@127.0.0.1:{proxy.port}")
        async with transport() as client:
            reply = await client.request("POST", URL("https://eloqua.example.test/a"), HEADERS, b"{}")

    assert reply == NoAnswer(
        left=False, error="the proxy would not connect: HTTP 407 Proxy Authentication Required"
    )
    assert proxy.lines == ["CONNECT eloqua.example.test:443 HTTP/1.1"]
    assert "authorization" not in proxy.arrived[0][1]


async def test_a_proxy_that_is_not_there_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:hidden@127.0.0.1:{unused_port()}")
    async with transport() as client:
        reply = await client.request("POST", URL("https://eloqua.example.test/a"), HEADERS, b"{}")

    assert isinstance(reply, NoAnswer)
    assert not reply.left
    assert "no connection to the proxy 127.0.0.1" in reply.error
    assert "hidden" not in reply.error


async def test_this_machine_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")

    reply, _ = await post(answers(http()))

    assert isinstance(reply, Answer)


async def test_what_no_proxy_names_is_asked_directly(monkeypatch: pytest.MonkeyPatch):
    async with wire(answers(http())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ".invalid")
        async with transport() as client:
            reply = await client.request("POST", URL("http://eloqua.invalid/a"), HEADERS, b"{}")

    assert isinstance(reply, NoAnswer)
    assert proxy.connections == 0


@pytest.mark.parametrize("value", ["socks5://user:hidden@proxy:1080", "http://user:hidden@:x", "http://"])
async def test_a_proxy_that_is_none_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("HTTPS_PROXY", value)
    async with transport() as client:
        with pytest.raises(ConfigError, match="the proxy for https") as refused:
            await client.request("GET", URL("https://eloqua.example.test"), HEADERS)

    assert "hidden" not in str(refused.value)
