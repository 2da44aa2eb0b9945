"""From a request to its answer: finds the handler, lets it through the gate, waits, plays faults."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from bulkseg.clock import Clock
from bulkseg.sandbox import folders, segments
from bulkseg.sandbox.calls import FOUND, OK, Call, Reply
from bulkseg.sandbox.faults import Schedule
from bulkseg.sandbox.gate import MOVED, NOT_AUTHENTICATED, Gate, identity
from bulkseg.sandbox.oauth import OAuth
from bulkseg.sandbox.rejections import NOT_FOUND, TOO_LARGE, Rejection
from bulkseg.sandbox.settings import Settings
from bulkseg.sandbox.store import Arrival, Store
from bulkseg.sandbox.wire import respond, spoil

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, and who answers it. `making` is for a create or a copy: what faults hit."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    making: bool = False


def _route(method: str, path: str, handler: Handler, *, making: bool = False) -> Route:
    # Eloqua's paths are not case-sensitive; the discovery even says /API/REST/.
    pattern = re.escape("/api/rest/2.0/assets/contact") + path.replace("ID", "(?P<id>[^/]+)")
    return Route(method, re.compile(pattern, re.IGNORECASE), handler, making)


# The first that fits: what is spelt out comes before what has an id.
ROUTES = (
    _route("POST", "/segment", segments.create, making=True),
    _route("POST", "/segment/ID/copy", segments.copy, making=True),
    _route("GET", "/segments", segments.search),
    _route("POST", "/segment/folder", folders.create),
    _route("GET", "/segment/folders", folders.search),
    _route("GET", "/segment/folder/root", folders.root),
    _route("GET", "/segment/ID", segments.get),
    _route("PUT", "/segment/ID", segments.put),
    _route("DELETE", "/segment/ID", segments.delete),
)


class Api:
    """Answers requests. `close` lets go of those that hang on purpose."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self.oauth = OAuth(settings, clock)
        self._gate = Gate(settings, clock, self.oauth)
        self._schedule = Schedule(settings.faults)
        self._token_schedule = Schedule(settings.token_faults)
        self._closing = asyncio.Event()

    def close(self) -> None:
        """From now on nothing hangs."""
        self._closing.set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if self._settings.record_arrivals:
            self._store.arrivals.append(Arrival(self._clock.monotonic(), request.method, request.path))
        try:
            return await self._answer(request)
        except Rejection as rejection:
            return _rejected(rejection)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        match request.method, request.path.lower():
            case "GET", "/id":
                return self._discover(request, authorization)
            case "GET", "/auth/oauth2/authorize":
                return respond(FOUND, None, {"Location": self.oauth.authorize(dict(request.query))})
            case "POST", "/auth/oauth2/token":
                return await self._grant(request, authorization)
        base = MOVED if request.path.startswith(f"{MOVED}/") else ""
        route, path_id = _find(request.method, request.path.removeprefix(base))
        self._gate.pass_through(authorization, making=route is not None and route.making, base=base)
        if route is None:
            raise Rejection(NOT_FOUND)
        call = await self._read(request, path_id)
        fault = self._schedule.next() if route.making else None
        if fault is None:
            return await self._handle(route.handler, call)
        return await spoil(fault, request, lambda: self._handle(route.handler, call), self._closing)

    def _discover(self, request: web.BaseRequest, authorization: str) -> web.Response:
        if not self._gate.knows(authorization):
            return respond(OK, NOT_AUTHENTICATED)
        return respond(OK, identity(self._settings, f"http://{request.host}{self._gate.base}"))

    async def _grant(self, request: web.BaseRequest, authorization: str) -> web.StreamResponse:
        body = await request.read()

        async def make() -> web.Response:
            try:
                return respond(OK, self.oauth.grant(authorization, body, request.content_type))
            except Rejection as rejection:
                return _rejected(rejection)

        fault = self._token_schedule.next()
        return await make() if fault is None else await spoil(fault, request, make, self._closing)

    async def _read(self, request: web.BaseRequest, path_id: str) -> Call:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise Rejection(TOO_LARGE) from None
        return Call(self._settings, self._store, path_id, request.query, request.content_type, body)

    async def _handle(self, handler: Handler, call: Call) -> web.Response:
        await self._wait()
        try:
            reply = handler(call)
        except Rejection as rejection:
            answer = _rejected(rejection)
        else:
            answer = respond(reply.status, reply.document)
        await self._wait()
        return answer

    async def _wait(self) -> None:
        # Half before and half after: a client that is killed while it waits may have made something, or not.
        if self._settings.latency:
            await self._clock.sleep(self._settings.latency / 2)


def _find(method: str, path: str) -> tuple[Route | None, str]:
    for route in ROUTES:
        match = route.path.fullmatch(path) if route.method == method else None
        if match:
            return route, match.groupdict().get("id", "")
    return None, ""


def _rejected(rejection: Rejection) -> web.Response:
    return respond(rejection.status, rejection.errors, rejection.headers)
