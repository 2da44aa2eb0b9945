"""How a request is written: as a whole, in the burst of its flight, where aiohttp would do it piece by piece.

aiohttp wraps a body, writes the head, and begins a task that writes the body. Ours are a few hundred bytes
that are there already, as a rule.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import cast

import aiohttp
from aiohttp.connector import Connection
from aiohttp.hdrs import CONTENT_LENGTH

from bulkseg.eloqua.flight import Flight, current

# Larger bodies than this, in bytes, are left to aiohttp: they may have to wait until the server reads on, and
# one that is answered before that must not keep the next request waiting.
LARGEST = 32 * 1024


class _Held:
    """Stands in for a connection while aiohttp writes the head of a request, and keeps it."""

    __slots__ = ("head", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.is_closing = transport.is_closing
        self.head = b""

    def write(self, data: bytes) -> None:
        self.head += data


class Request(aiohttp.ClientRequest):
    """Leaves with its flight's burst. To be handed to a session as its `request_class`."""

    _ready = b""

    def update_body_from_data(self, body: bytes | None, _stacklevel: int = 3) -> None:
        """Keeps the body for `send`, and tells its length. aiohttp calls it while a request is being made."""
        super().update_body_from_data(None, _stacklevel)
        if body:
            self._ready = body
            self.headers[CONTENT_LENGTH] = str(len(body))

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Adds the request to the burst; gives the answer that is yet to come.

        aiohttp calls it once it has a connection, and strictly before the first byte is handed to that (and
        again on its own retry, which covers idempotent methods only, never POST). So a flight that has not
        taken off has sent nothing.
        """
        flight, protocol, transport = current.get(), conn.protocol, conn.transport
        large = len(self._ready) > LARGEST
        if large or protocol is None or transport is None or protocol.writing_paused:
            return await self._alone(flight, conn)
        held = _Held(transport)
        protocol.transport = cast("asyncio.Transport", held)
        try:
            # Waits for nothing, as there is no body that aiohttp knows of: nobody else sees the stand-in.
            flight.response = await super().send(conn)
        finally:
            protocol.transport = transport
        flight.burst.add(flight, protocol, held.head + self._ready)
        return flight.response

    async def _alone(self, flight: Flight, conn: Connection) -> aiohttp.ClientResponse:
        """As aiohttp does it, piece by piece: it waits where a connection still has something to write."""
        flight.take_off()
        super().update_body_from_data(BytesIO(self._ready) if self._ready else None)
        flight.response = await super().send(conn)
        return flight.response
