"""Answers on the wire, and how faults spoil them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import orjson
from aiohttp import web

from bulkseg.sandbox.faults import FaultKind

# How often a request that hangs looks whether its client is still there, in seconds.
_LOOK_EVERY = 0.05
_GATEWAY_PAGE = (
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


def respond(status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer, or one without a body. Each has an X-Request-Id, which support would ask for."""
    body = b"" if document is None else orjson.dumps(document)
    return _answer(status, body, "application/json" if body else "text/plain", headers or {})


def _answer(status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> web.Response:
    all_headers = {"X-Request-Id": str(uuid4()), "Content-Type": content_type, **headers}
    return web.Response(status=status, body=body, headers=all_headers)


# The C struct linger: on, for 0 seconds.
_NO_LINGER = struct.pack("ii", 1, 0)
# What a client gets in place of the answer.
_STATUSES = {
    FaultKind.ERROR_500_BEFORE: 500,
    FaultKind.ERROR_500_AFTER: 500,
    FaultKind.ERROR_503_AFTER: 503,
}


async def spoil(
    kind: FaultKind,
    request: web.BaseRequest,
    make: Callable[[], Awaitable[web.Response]],
    closing: asyncio.Event,
) -> web.StreamResponse:
    """Play one fault. `make` does what is asked for; `closing` is set when the sandbox shuts down."""
    answer = await make() if kind.made else respond(500)
    if kind in _STATUSES:
        return respond(_STATUSES[kind])
    match kind:
        case FaultKind.HTML_502:
            return _answer(502, _GATEWAY_PAGE, "text/html", {})
        case FaultKind.HANG:
            return await _hang(request, answer, closing)
        case FaultKind.BROKEN_OFF:
            return await _break_off(request, answer)
        case FaultKind.CUT:
            return _reset(request, answer)
        case _:
            return _hang_up(request, answer)


def _hang_up(request: web.BaseRequest, answer: web.Response) -> web.Response:
    """Close the connection; aiohttp finds it closed, and drops the answer."""
    if request.transport is not None:
        request.transport.close()
    return answer


def _reset(request: web.BaseRequest, answer: web.Response) -> web.Response:
    """Break the connection: to close it without lingering sends a reset in place of a regular end."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        request.transport.abort()
    return answer


async def _hang(request: web.BaseRequest, answer: web.Response, closing: asyncio.Event) -> web.Response:
    while request.transport is not None and not request.transport.is_closing() and not closing.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), _LOOK_EVERY)
    return _hang_up(request, answer)


async def _break_off(request: web.BaseRequest, answer: web.Response) -> web.StreamResponse:
    body = answer.body if isinstance(answer.body, bytes) else b""
    broken = web.StreamResponse(status=answer.status, headers=answer.headers)
    broken.content_length = len(body)
    # The client may be gone already; then there is nobody to break it off for.
    with suppress(ConnectionError):
        await broken.prepare(request)
        await broken.write(body[: len(body) // 2])
    _hang_up(request, answer)
    return broken
