"""What bulkseg is compared with: the same segments made by programs that do nothing else.

They keep no checkpoint and no rate, look at no name, and end at the first error: `python -m
benchmarks.contenders NAME ROWS CONCURRENCY`, with the server's URL in ELOQUA_LOGIN_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import local

import orjson

from benchmarks.source import names

PATH = "/API/REST/2.0/assets/contact/segment"
HEADERS = {
    "Authorization": f"Basic {base64.b64encode(b'Sandbox' + bytes([92]) + b'demo:demo').decode()}",
    "Content-Type": "application/json",
}


def body_of(name: str) -> bytes:
    return orjson.dumps({"name": name, "description": "made by a benchmark"})


def id_of(answer: bytes) -> str:
    return str(orjson.loads(answer)["id"])


def pool(url: str, rows: int, concurrency: int) -> list[str]:
    """A fixed set of aiohttp workers on uvloop: the least that could make segments."""
    import aiohttp
    import uvloop

    async def work(session: aiohttp.ClientSession, left: Iterator[str], made: list[str]) -> None:
        for name in left:
            async with session.post(url, data=body_of(name)) as answer:
                answer.raise_for_status()
                made.append(id_of(await answer.read()))

    async def make() -> list[str]:
        left, made = names(rows), list[str]()
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with (
            aiohttp.ClientSession(connector=connector, headers=HEADERS) as session,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(concurrency):
                workers.create_task(work(session, left, made))
        return made

    return uvloop.run(make())


def gather(url: str, rows: int, concurrency: int) -> list[str]:
    """A task for each segment, all at once, with aiohttp and a semaphore: what is often written first."""
    import aiohttp

    async def make() -> list[str]:
        gate = asyncio.Semaphore(concurrency)

        async def one(name: str) -> str:
            async with gate, session.post(url, data=body_of(name)) as answer:
                answer.raise_for_status()
                return id_of(await answer.read())

        async with aiohttp.ClientSession(headers=HEADERS) as session:
            return await asyncio.gather(*map(one, names(rows)))

    return asyncio.run(make())


def httpx(url: str, rows: int, concurrency: int) -> list[str]:
    """Likewise with httpx's asynchronous client."""
    import httpx

    async def make() -> list[str]:
        gate = asyncio.Semaphore(concurrency)

        async def one(name: str) -> str:
            async with gate:
                answer = await client.post(url, content=body_of(name))
            return id_of(answer.raise_for_status().content)

        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with httpx.AsyncClient(headers=HEADERS, limits=limits, timeout=60.0) as client:
            return await asyncio.gather(*map(one, names(rows)))

    return asyncio.run(make())


def requests(url: str, rows: int, concurrency: int) -> list[str]:
    """A thread for each connection, with a session of requests in each."""
    import requests

    mine = local()

    def one(name: str) -> str:
        if not hasattr(mine, "session"):
            mine.session = requests.Session()
            mine.session.headers.update(HEADERS)
        answer = mine.session.post(url, data=body_of(name), timeout=60.0)
        answer.raise_for_status()
        return id_of(answer.content)

    with ThreadPoolExecutor(concurrency) as threads:
        return list(threads.map(one, names(rows)))


CONTENDERS: dict[str, Callable[[str, int, int], list[str]]] = {
    "pool": pool,
    "gather": gather,
    "httpx": httpx,
    "requests": requests,
}


def main() -> None:
    """Run one of them; fail if it did not get an id of its own for each row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contenders", description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("rows", type=int)
    parser.add_argument("concurrency", type=int)
    chosen = parser.parse_args()
    url = os.environ["ELOQUA_LOGIN_URL"] + PATH
    ids = CONTENDERS[chosen.name](url, chosen.rows, chosen.concurrency)
    if len(set(ids)) != chosen.rows:
        raise SystemExit(f"{len(set(ids))} ids for {chosen.rows} rows")


if __name__ == "__main__":
    main()
