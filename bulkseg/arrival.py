"""Signs in, and waits where the server is away: a nightly run rather comes late than not at all."""

from __future__ import annotations

from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.eloqua.discovery import Identity
from bulkseg.errors import ServerGone
from bulkseg.health import Health
from bulkseg.observe import Observer
from bulkseg.stop import Stop


class Door(Protocol):
    """What is asked of the API client."""

    async def sign_in(self) -> Identity:
        """Finds out who and where we are.

        Raises:
            ServerGone: there was no answer, or one that says to come again.
        """


async def arrive(door: Door, *, health: Health, observer: Observer, clock: Clock, stop: Stop) -> Identity:
    """Signs in; a server that is away is asked again, more and more seldom, until `give_up_after`.

    Raises:
        SignInRefused, ConfigError, StorageFull: as `sign_in`, at once: these do not pass by themselves.
        ServerGone: it stayed away for so long.
        Stopped: a stop was asked for meanwhile.
    """
    while True:
        left_at = clock.monotonic()
        try:
            identity = await door.sign_in()
        except ServerGone as error:
            await _wait(error, left_at, health=health, observer=observer, clock=clock, stop=stop)
        else:
            if health.answered():
                observer.notice("server_back")
            return identity


async def _wait(
    error: ServerGone, left_at: float, *, health: Health, observer: Observer, clock: Clock, stop: Stop
) -> None:
    wait = health.silent(left_at, connected=False) or 0.0
    if health.verdict() is not None:
        raise ServerGone(f"{error}; it has been asked for {health.give_up_after:g} s (give_up_after)")
    away = health.to_tell()
    if away is not None:
        observer.notice("server_silent", error=str(error), seconds=round(away))
    await stop.or_else(clock.sleep(wait))
    stop.check()
