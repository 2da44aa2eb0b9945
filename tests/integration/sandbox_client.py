"""A plain client for the sandbox's own tests: requests over a real socket, answers as they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import ClientSession, ClientTimeout, encode_basic_auth

from bulkseg.sandbox import Sandbox, Settings, serve

CREDENTIALS = encode_basic_auth("Sandbox\\demo", "demo")
API = "/api/REST/2.0/assets/contact"


@dataclass(frozen=True, slots=True)
class Got:
    """An answer: its status, its JSON (None without a body), its headers."""

    status: int
    json: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """Paths begin after `/assets/contact`, or are whole ones (with `whole=True`)."""

    sandbox: Sandbox
    session: ClientSession

    async def ask(self, method: str, path: str, *, whole: bool = False, **more: Any) -> Got:
        url = self.sandbox.url + (path if whole else API + path)
        async with self.session.request(method, url, **more) as response:
            body = await response.read()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Got(response.status, orjson.loads(body) if body else None, headers)

    async def get(self, path: str, **query: Any) -> Got:
        return await self.ask("GET", path, params=query)

    async def post(self, path: str, **body: Any) -> Got:
        return await self.ask("POST", path, json=body)

    async def create(self, name: str, **body: Any) -> Got:
        return await self.post("/segment", name=name, **body)

    async def until_made(self, count: int) -> None:
        """Wait until the sandbox holds so many segments, for three seconds at most."""
        async with asyncio.timeout(3):
            while self.sandbox.store.count() < count:
                await asyncio.sleep(0.01)

    async def names(self, **query: Any) -> list[str]:
        return [element["name"] for element in (await self.get("/segments", **query)).json["elements"]]


@asynccontextmanager
async def sandboxed(settings: Settings | None = None) -> AsyncIterator[Client]:
    """A sandbox and a client that is signed in to it; nothing takes longer than ten seconds."""
    headers = {"Authorization": CREDENTIALS}
    async with (
        serve(settings or Settings()) as sandbox,
        ClientSession(headers=headers, timeout=ClientTimeout(total=10)) as session,
    ):
        yield Client(sandbox, session)
