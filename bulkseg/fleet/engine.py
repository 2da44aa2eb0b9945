"""procrastinate as the fleet uses it: in a schema of its own, and patient with a database that is away.

Its own worker ends where a statement fails, and ends a job whoever runs it by now. Here a statement waits for
the database to come back, and a worker ends or puts back only a job that is still its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from bulkseg.location import CONNECTION_DEFAULTS, Database
from bulkseg.log import get_logger

T = TypeVar("T")

SCHEMA = "bulkseg_fleet"
SEARCH_PATH = f"SET search_path = {SCHEMA}"
QUEUE, TASK = "bulkseg", "bulkseg.provision"
# procrastinate's own channel for this queue, which its workers listen to.
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"
# Seconds between two tries to reach a database that is away.
_WAITS = (0.1, 0.2, 0.5, 1.0, 2.0)
# Seconds until a try is given up.
_ONE_TRY = 2.0
# The connection broke (08), or the server stops or starts (57P0x), or is a standby by now (25006).
_AWAY = ("08", "57P", "25006")
# Likewise, or somebody else was in the way (40), or it has no room or no connection left just now (53).
_PASSING = (*_AWAY, "40", "53")

_log = get_logger()
# A database that is away is told once, by Patience, and not at each try.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def conninfo(database: Database) -> str:
    """How libpq is told to connect: by the defaults, where the address does not say otherwise."""
    usual: dict[str, Any] = {**CONNECTION_DEFAULTS, "application_name": "bulkseg fleet"}
    return make_conninfo(**{**usual, **conninfo_to_dict(database.url)})


def is_away(error: BaseException | None) -> bool:
    """Whether it is, or comes of, a database that cannot be reached now: the same is worth doing again."""
    return _has(error, _AWAY)


def _has(error: BaseException | None, states: tuple[str, ...]) -> bool:
    while error is not None:
        if isinstance(error, PoolTimeout):
            return True
        if isinstance(error, psycopg.OperationalError):
            return error.sqlstate is None or error.sqlstate.startswith(states)
        error = error.__cause__
    return False


class Patience:
    """Waits for a database that is away, and says so once.

    seconds: how long each statement waits; for as long as it takes, until somebody is in a hurry.
    sound_since: from when on the database has been there, as far as is known; monotonic.
    """

    def __init__(self) -> None:
        self.seconds = float("inf")
        self.sound_since = time.monotonic()
        self._away_since: float | None = None

    async def over(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, once the database is there."""
        began = time.monotonic()
        tries = 0
        while True:
            try:
                result = await work()
            except Exception as error:
                if not _has(error, _PASSING) or time.monotonic() - began >= self.seconds:
                    raise
                self._bear(error)
            else:
                self._back()
                return result
            await asyncio.sleep(_WAITS[min(tries, len(_WAITS) - 1)])
            tries += 1

    def _bear(self, error: BaseException) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            _log.warning("queue_away", error=" ".join(str(error.__cause__ or error).split()))

    def _back(self) -> None:
        if self._away_since is not None:
            self.sound_since = time.monotonic()
            _log.warning("queue_back", seconds=round(self.sound_since - self._away_since, 1))
            self._away_since = None


class PatientConnector(PsycopgConnector):
    """Each statement by itself is repeated until the database has answered, so it has to bear that."""

    def __init__(self, database: Database, patience: Patience) -> None:
        super().__init__(
            conninfo=conninfo(database),
            configure=_configure,
            min_size=1,
            max_size=2,
            timeout=_ONE_TRY,
            reconnect_timeout=1.0,
        )
        self._patience = patience

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        """Runs it."""
        run = super().execute_query_async
        await self._patience.over(lambda: run(query, **arguments))

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        """Gives its row."""
        run = super().execute_query_one_async
        return await self._patience.over(lambda: run(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        """Gives its rows."""
        run = super().execute_query_all_async
        return await self._patience.over(lambda: run(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Listens for ever, over as many connections as it takes."""
        listen = super().listen_notify
        await self._patience.over(lambda: listen(on_notification, channels))


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)
    await connection.execute(SEARCH_PATH)
