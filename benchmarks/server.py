"""As much of Eloqua as a benchmark needs, on raw asyncio protocols, so that the client is what is measured.

It keeps what it made, answers after a fixed time, and tells at `/_stats` when each request arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, unquote

import orjson
import uvloop

from benchmarks.source import names

MAX_HEAD = 64 * 1024
MAX_BODY = 1024 * 1024
MAX_SEGMENTS = 2_000_000
LIFETIME = 1800.0  # seconds: a server that was forgotten ends by itself

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ONE = re.compile(r"/assets/contact/segment/(\d+)$")
_MADE_BY = {
    "createdBy": "12",
    "updatedBy": "12",
    "permissions": ["Retrieve", "SetSecurity", "Delete", "Update"],
}
_REASONS = {200: b"OK", 201: b"Created", 404: b"Not Found", 413: b"Content Too Large"}

Response = tuple[int, bytes]


class Eloqua:
    """What was made, and when requests arrived (monotonic seconds)."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.url = ""
        self.segments: list[dict[str, Any] | None] = []
        self.deleted = False
        self.requests: list[float] = []
        self.creates: list[float] = []

    def respond(self, method: str, target: str, body: bytes) -> Response:
        """Status and JSON for one request. Credentials are not looked at."""
        path, _, query = target.partition("?")
        path = path.lower().removeprefix("/api/rest/2.0")
        if path == "/id":
            return 200, orjson.dumps(self._identity())
        if path == "/_stats":
            return 200, orjson.dumps(self._stats())
        self.requests.append(time.monotonic())
        if method == "POST":
            return self._create(body)
        if path == "/assets/contact/segments":
            return 200, orjson.dumps(
                self._list({name: values[0] for name, values in parse_qs(query).items()})
            )
        return self._one(method, path)

    def _create(self, body: bytes) -> Response:
        """A create or a copy: both make a segment of the body."""
        if len(self.segments) >= MAX_SEGMENTS:
            return 413, b""
        self.creates.append(self.requests[-1])
        return 201, orjson.dumps(self.make(orjson.loads(body)))

    def make(self, body: dict[str, Any]) -> dict[str, Any]:
        """One segment more."""
        now = str(int(time.time()))
        number = str(len(self.segments) + 1)
        times = {"createdAt": now, "updatedAt": now}
        segment = {"type": "ContactSegment", **body, "id": number, **times, **_MADE_BY}
        self.segments.append(segment)
        return segment

    def _one(self, method: str, path: str) -> Response:
        found = _ONE.match(path)
        place = int(found[1]) - 1 if found else -1
        if not 0 <= place < len(self.segments) or (segment := self.segments[place]) is None:
            return 404, b""
        if method == "DELETE":
            self.segments[place] = None
            self.deleted = True
            return 200, b""
        return 200, orjson.dumps(segment)

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        # A million are listed by a thousand requests: each must not look at them all.
        there = [segment for segment in self.segments if segment] if self.deleted else self.segments
        if search := re.match("name='(.*)'$", unquote(query.get("search", ""))):
            there = [
                segment for segment in there if segment and segment["name"] == search[1].replace("''", "'")
            ]
        page, count = int(query.get("page", 1)), int(query.get("count", 1000))
        shown = there[(page - 1) * count : page * count]
        return {"elements": shown, "page": page, "pageSize": count, "total": len(there)}

    def _identity(self) -> dict[str, Any]:
        rest = {"standard": f"{self.url}/API/REST/{{version}}/"}
        return {
            "site": {"id": "1", "name": "Benchmark"},
            "user": {"id": "12", "username": "demo", "displayName": "Demo"},
            "urls": {"base": self.url, "apis": {"rest": rest}},
        }

    def _stats(self) -> dict[str, Any]:
        there = [segment for segment in self.segments if segment]
        names = len({segment["name"] for segment in there})
        return {"requests": self.requests, "creates": self.creates, "made": len(there), "names": names}


class Connection(asyncio.Protocol):
    """One keep-alive connection of HTTP/1.1 whose requests have a Content-Length, or no body."""

    def __init__(self, eloqua: Eloqua) -> None:
        self._eloqua = eloqua
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own, of no common class

    def data_received(self, data: bytes) -> None:
        """Take what has come, and answer each request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if length > MAX_BODY or len(self._buffer) < end + 4 + length:
                break
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._request(head, body)
        if len(self._buffer) > MAX_HEAD + MAX_BODY:
            self._transport.abort()

    def _request(self, head: bytes, body: bytes) -> None:
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        status, content = self._eloqua.respond(method, target, body)
        if self._eloqua.latency:
            self._loop.call_later(self._eloqua.latency, self._answer, status, content)
        else:
            self._answer(status, content)

    def _answer(self, status: int, content: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, _REASONS[status], len(content), content)
        )


async def serve(latency: float, segments: int) -> None:
    """Serve on a free port of 127.0.0.1 until stopped, its URL printed first; so many are there already."""
    eloqua = Eloqua(latency)
    for name in names(segments):
        eloqua.make({"name": name})
    server = await asyncio.get_running_loop().create_server(partial(Connection, eloqua), "127.0.0.1", 0)
    eloqua.url = "http://{}:{}".format(*server.sockets[0].getsockname())
    print(eloqua.url, flush=True)
    await asyncio.sleep(LIFETIME)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer (default 0)")
    parser.add_argument("--segments", type=int, default=0, help="how many are there already (default 0)")
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.latency, chosen.segments))
