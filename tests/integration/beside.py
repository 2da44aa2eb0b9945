"""A sandbox in this process, however it may be set; beside it the real command, in processes of its own."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from bulkseg.checkpoint import SpecRow, read
from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, Summary, run
from bulkseg.sandbox import Sandbox, Settings, environment, serve
from bulkseg.stop import Stop
from tests.integration.commands import Ended, bulkseg, finish, start
from tests.integration.provisioned import Quiet


@dataclass(frozen=True, slots=True)
class Beside:
    """`site` are the variables that lead to the sandbox; without a base URL, so that it is discovered."""

    folder: Path
    sandbox: Sandbox
    site: dict[str, str]

    async def command(self, *arguments: object, **variables: str) -> Ended:
        """The command, from its start to its end."""
        site = {**self.site, **variables}
        return await asyncio.to_thread(lambda: bulkseg(*arguments, cwd=self.folder, site=site))

    async def run(self, *arguments: object, **variables: str) -> Ended:
        """`bulkseg run --json`, at a rate at which no test waits."""
        return await self.command("run", "--json", "--rate", "1000", *arguments, **variables)

    async def here(self, job: Path, **options: Any) -> Summary:
        """The run of a job in this process, which is quicker to begin."""
        chosen = RunOptions(**{"rate": 1000.0, **options})
        site = load_site(None, self.site)
        return await run(load_job(job), chosen, site, observer=Quiet(), stop=Stop())

    def by_way_of(self, url: str) -> Beside:
        """The same sandbox, asked at another address."""
        return replace(self, site=discovering(url))

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """The command, under way."""
        return start(*arguments, cwd=self.folder, site=self.site)

    def names(self) -> list[str]:
        """What stands at the sandbox, sorted."""
        return sorted(asset.name for asset in self.sandbox.store.segments())

    def asked(self, method: str = "") -> list[str]:
        """The paths that have been asked for, if the sandbox records arrivals; those of one method."""
        return [one.path for one in self.sandbox.store.arrivals if method in ("", one.method)]


@asynccontextmanager
async def beside(folder: Path, settings: Settings | None = None) -> AsyncIterator[Beside]:
    """For as long as the context lasts."""
    async with serve(settings or Settings(record_arrivals=True)) as sandbox:
        yield Beside(folder, sandbox, discovering(sandbox.url))


def discovering(url: str) -> dict[str, str]:
    """The variables that lead to a sandbox by way of its `/id`."""
    return {name: value for name, value in environment(url).items() if name != "ELOQUA_BASE_URL"}


def write_names(path: Path, names: Iterable[str]) -> Path:
    """A data file that makes one segment a name."""
    path.write_text("\n".join(["name", *names]) + "\n", encoding="utf-8")
    return path


def every_row(checkpoint: Path) -> list[SpecRow]:
    """What a checkpoint has on record."""
    with read(checkpoint) as reader:
        return list(reader.specs())


def rows(checkpoint: Path) -> dict[str, SpecRow]:
    """What a checkpoint has on record, by name."""
    return {row.name: row for row in every_row(checkpoint)}


def states(checkpoint: Path) -> dict[str, State]:
    """The state of each spec, by name."""
    return {name: row.state for name, row in rows(checkpoint).items()}


async def reached(process: subprocess.Popen[str], goal: Callable[[], bool]) -> None:
    """Returns once `goal` is true; fails where the command ends before, or takes too long."""
    async with asyncio.timeout(20):
        while not goal():
            assert process.poll() is None, finish(process).err
            await asyncio.sleep(0.01)


async def end_of(process: subprocess.Popen[str]) -> Ended:
    """Waits for a command that was started, while the sandbox goes on."""
    return await asyncio.to_thread(finish, process)


# Given the request and what sends it on; gives the answer.
Meddle = Callable[[web.BaseRequest, Callable[[], Awaitable[web.Response]]], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def relayed(url: str, meddle: Meddle) -> AsyncIterator[str]:
    """An address behind which `url` lies, with `meddle` in between."""
    async with ClientSession() as session:

        async def relay(request: web.BaseRequest) -> web.StreamResponse:
            body = await request.read()

            async def send_on() -> web.Response:
                # With the Host that was asked for, so that discovery leads back to here.
                target, headers = url + request.raw_path, request.headers
                async with session.request(request.method, target, headers=headers, data=body) as answer:
                    kept = {"Date": answer.headers["Date"]}
                    return web.json_response(body=await answer.read(), status=answer.status, headers=kept)

            return await meddle(request, send_on)

        runner = web.ServerRunner(web.Server(relay, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
