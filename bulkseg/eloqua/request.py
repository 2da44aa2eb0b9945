"""How a request is written: as a whole, made ready beforehand, in the burst of its flight.

aiohttp puts the headers together anew for each request, wraps its body, writes the head, and begins a task
that writes the body. Ours have the same headers each time, and a few hundred bytes that are there already.
Where its connections come from, and how an answer is read, is aiohttp's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDict
from yarl import URL

from bulkseg.eloqua.flight import current, refuse_unasked

# Larger bodies than this, in bytes, are left to aiohttp: they may have to wait until the server reads on, and
# one that is answered before that must not keep the next request waiting.
LARGEST = 32 * 1024


class Headers:
    """The headers of every request: the `common` ones, and its own, which count if both have one."""

    def __init__(self, common: Mapping[str, str]) -> None:
        aiohttps = {str(name): value for name, value in aiohttp.ClientRequest.DEFAULT_HEADERS.items()}
        self._common = {**aiohttps, **common}
        self._own: Mapping[str, str] | None = None
        self._lines = ""

    def request(self, method: str, url: URL, own: Mapping[str, str], body: bytes | None) -> bytes:
        """A whole request as it is written to the server itself (RFC 9112, origin form).

        Raises:
            ValueError: a header has something in it that no header can have.
        """
        if own is not self._own:  # else nothing is new since the last one
            self._lines, self._own = _lines({**self._common, **own}), own
        length = "" if body is None and method == "GET" else f"Content-Length: {len(body or b'')}\r\n"
        line = f"{method} {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n"
        return f"{line}{self._lines}{length}\r\n".encode() + (body or b"")


def _lines(headers: Mapping[str, str]) -> str:
    if any(sign in value for value in headers.values() for sign in "\r\n\0"):
        raise ValueError("a header with a line break or a NUL in it")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


class _Written:
    """Stands in for aiohttp's own writer, of which an answer asks no more than this."""

    output_size = 0


_WRITTEN = cast("AbstractStreamWriter", _Written())


class Request(aiohttp.ClientRequest):
    """Leaves with its flight's burst, if that has it ready. A session's `request_class`."""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Leaves aiohttp nothing to put together that is ready."""
        self.headers = CIMultiDict()
        if current.get().ready is None:
            super().update_headers(headers)

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Likewise."""
        if current.get().ready is None:
            super().update_auto_headers(skip_auto_headers)

    def update_body_from_data(self, body: Any, _stacklevel: int = 3) -> None:
        """Likewise."""
        if current.get().ready is None:
            super().update_body_from_data(body, _stacklevel)

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Has the request written; gives the answer that is yet to come.

        aiohttp calls it once it has a connection, and strictly before the first byte is handed to that (and
        again on its own retry, which covers idempotent methods only, never POST). So a flight that has not
        taken off has sent nothing.
        """
        flight, protocol = current.get(), conn.protocol
        assert protocol is not None  # noqa: S101  # aiohttp has used it just before; mypy cannot see it
        refuse_unasked(protocol)  # aiohttp's pool does not look
        if flight.ready is None:
            flight.take_off()
            flight.response = await super().send(conn)
        else:
            flight.response = self._answer()
            flight.burst.add(flight, protocol, flight.ready)
        return flight.response

    def _answer(self) -> aiohttp.ClientResponse:
        """As aiohttp 3.14 makes it when there is nothing left to write."""
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self._session,
            stream_writer=_WRITTEN,
        )
