"""A server on 127.0.0.1 that does on the wire exactly what a test tells it, and keeps what arrived."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from yarl import URL

Script = Callable[["Wire", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Wire:
    """`arrived` holds each request as it came: the line, the headers in lower case, the body."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.arrived: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.came = asyncio.Event()
        self.url = URL()
        self.port = 0

    @property
    def lines(self) -> list[str]:
        return [line for line, _, _ in self.arrived]

    async def request(self, reader: asyncio.StreamReader) -> None:
        """Reads one request, whole."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in head[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.arrived.append((head[0], headers, body))
        self.came.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._script(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, as it may
        finally:
            writer.close()


@asynccontextmanager
async def wire(script: Script) -> AsyncIterator[Wire]:
    """Serves `script` for each connection, for as long as the context lasts."""
    found = Wire(script)
    tasks: list[asyncio.Task[None]] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(found._serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    found.url = URL(f"http://127.0.0.1:{found.port}/segment")
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(*pieces: bytes, then: str = "close") -> Script:
    """Reads one request, writes these pieces, and then closes, resets or hangs."""

    async def script(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await found.request(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if then == "hang":
            await reader.read()  # until the client goes
        elif then == "reset":
            reset(writer)

    return script


def answers(*replies: bytes) -> Script:
    """Answers one request after another on a connection that stays open; when it has no more, it closes."""

    async def script(found: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await found.request(reader)
            writer.write(reply)
            await writer.drain()

    return script


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with a reset instead of a close."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def http(status: str = "201 Created", body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    """An answer; `length` is the one it claims to have."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def unused_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
