"""Serves the sandbox: within a program, or until a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from aiohttp import web

from bulkseg.clock import Clock
from bulkseg.errors import ConfigError
from bulkseg.sandbox.app import Api
from bulkseg.sandbox.oauth import OAuth
from bulkseg.sandbox.settings import CLIENT_ID, CLIENT_SECRET, COMPANY, PASSWORD, USER, Settings
from bulkseg.sandbox.store import Store

# How long a shutdown waits for answers under way, in seconds.
_SHUTDOWN = 5.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is being served: where, and what it holds."""

    url: str
    store: Store
    oauth: OAuth


def environment(url: str) -> dict[str, str]:
    """The variables with which bulkseg uses the sandbox at `url`."""
    return {
        "ELOQUA_COMPANY": COMPANY,
        "ELOQUA_USER": USER,
        "ELOQUA_PASSWORD": PASSWORD,
        "ELOQUA_LOGIN_URL": url,
        "ELOQUA_BASE_URL": url,
    }


def token_environment(sandbox: Sandbox) -> dict[str, str]:
    """The variables with which bulkseg uses it by OAuth 2.0, and keeps the tokens apart from real ones."""
    port = sandbox.url.rpartition(":")[2]
    return {
        "ELOQUA_CLIENT_ID": CLIENT_ID,
        "ELOQUA_CLIENT_SECRET": CLIENT_SECRET,
        "ELOQUA_REFRESH_TOKEN": sandbox.oauth.refresh_token,
        "ELOQUA_TOKEN_FILE": str(Path(gettempdir()) / f"bulkseg-sandbox-{port}.token"),
        "ELOQUA_LOGIN_URL": sandbox.url,
    }


@asynccontextmanager
async def serve(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Sandbox]:
    """Serve while the context lasts. Raises ConfigError where the port or the database cannot be used."""
    clock = clock or Clock()
    with closing(Store(settings.db, clock.now)) as store:
        api = Api(settings, store, clock)
        server = web.Server(api, access_log=None, keepalive_timeout=settings.keepalive)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN)
        await runner.setup()
        try:
            yield Sandbox(await _listen(runner, settings), store, api.oauth)
        finally:
            api.close()
            await runner.cleanup()


async def _listen(runner: web.ServerRunner, settings: Settings) -> str:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        raise ConfigError(f"the sandbox cannot listen on {settings.host}:{settings.port}: {error}") from error
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(settings: Settings, on_ready: Callable[[Sandbox], None]) -> None:
    """Serve until SIGINT or SIGTERM, then shut down. `on_ready` is told of it. Raises like `serve`."""
    asyncio.run(_run(settings, on_ready))


async def _run(settings: Settings, on_ready: Callable[[Sandbox], None]) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    async with serve(settings) as sandbox:
        on_ready(sandbox)
        await told_to_stop.wait()
