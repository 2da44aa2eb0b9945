"""Waits for somebody's consent in a browser: its code comes to a loopback port, or is pasted."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import AsyncExitStack, suppress
from secrets import token_urlsafe
from typing import Any

import typer

from bulkseg.eloqua.login import code_of, listening, listens
from bulkseg.eloqua.oauth import authorize_url
from bulkseg.eloqua.sites import OAuth, Site
from bulkseg.errors import ConfigError, Stopped
from bulkseg.stop import Stop


async def code_from(site: Site, oauth: OAuth, stop: Stop) -> str:
    """Shows the address to open, and gives the code, whichever way it comes first.

    Raises:
        SignInRefused: the answer says no, or is not ours.
        ConfigError: nobody is here to paste, and nothing is waited for.
        Stopped: a signal came.
    """
    state = token_urlsafe(32)
    typer.echo(f"Open this in a browser:\n\n{authorize_url(site, oauth, state)}\n", err=True)
    pasted = _pasted()
    stopped = asyncio.create_task(stop.wait())
    waiting: set[asyncio.Future[Any]] = {pasted, stopped}
    async with AsyncExitStack() as stack:
        if listens(oauth):
            try:
                waiting.add(await stack.enter_async_context(listening(oauth, state)))
            except OSError as error:
                typer.echo(f"{oauth.redirect_uri} cannot be waited at: {error.strerror}", err=True)
        typer.echo("Then paste the address that the browser ends at, unless it comes by itself:", err=True)
        done = await _first(waiting, pasted)
        if stopped in done:
            raise Stopped(stop.why or "stopped")
        stopped.cancel()
        # The input may have ended at the same moment, which says nothing.
        for came in done - {pasted}:
            code: str = came.result()
            return code
        return code_of(pasted.result(), state)


async def _first(waiting: set[asyncio.Future[Any]], pasted: asyncio.Future[str]) -> set[asyncio.Future[Any]]:
    """What came first. The end of the input is nothing that came, as long as something else can."""
    while True:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if done != {pasted} or pasted.result().strip():
            return done
        waiting.discard(pasted)
        if len(waiting) == 1:
            raise ConfigError("nobody is here to paste the answer: run `bulkseg login` at a terminal")


def _pasted() -> asyncio.Future[str]:
    """A line of the input to come; empty where it ends.

    A thread reads it, which the end of the process need not wait for; past Python's own buffer, whose lock it
    would hold.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()
    stdin = sys.stdin.fileno()

    def give(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        text = b""
        with suppress(OSError):  # a terminal that has gone
            while not (text.strip() and text.endswith(b"\n")) and (part := os.read(stdin, 65536)):
                text += part
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(give, text.decode("utf-8", "replace"))

    threading.Thread(target=read, daemon=True).start()
    return line
