"""The least that could make segments: a fixed set of aiohttp workers, no pace, nothing kept.

What `bulkseg run` is compared with.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator

import aiohttp
import orjson
import uvloop

from benchmarks.source import names

HEADERS = {
    "Authorization": aiohttp.encode_basic_auth("Sandbox\\demo", "demo"),
    "Content-Type": "application/json",
}


async def make(url: str, rows: int, concurrency: int) -> set[str]:
    """Create `rows` segments; give their ids."""
    left = names(rows)
    made: set[str] = set()
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
        address = f"{url}/API/REST/2.0/assets/contact/segment"
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(_work(session, address, left, made))
    return made


async def _work(session: aiohttp.ClientSession, address: str, left: Iterator[str], made: set[str]) -> None:
    for name in left:
        body = orjson.dumps({"name": name, "description": "made by a benchmark"})
        async with session.post(address, data=body) as answer:
            answer.raise_for_status()
            made.add(orjson.loads(await answer.read())["id"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pool", description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("concurrency", type=int)
    chosen = parser.parse_args()
    ids = uvloop.run(make(os.environ["ELOQUA_LOGIN_URL"], chosen.rows, chosen.concurrency))
    if len(ids) != chosen.rows:
        raise SystemExit(f"{len(ids)} ids for {chosen.rows} rows")
