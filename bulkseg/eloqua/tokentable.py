"""The table of tokens: what the token file holds, in PostgreSQL, where all the workers of a fleet find it.

A refresh token is good once, and Eloqua cannot say who has it. So one process at a time reads and spends it:
the one whose connection has the advisory lock of this chain. What that leaves open, and what closes it:

- A process that dies loses its connection, and the lock with it. One whose machine is gone is found out by
  the server's own probes, which are set to seconds.
- A process that stands still (SIGSTOP) keeps its connection: the kernel answers the probes. The others wait,
  and give up before they spend the same token.
- A connection that breaks takes the lock along while its process goes on. Before a token is spent, the row is
  marked as being spent, over that connection: if it is gone, nothing leaves. If it breaks after that, whoever
  comes next waits until the mark has run out.
- A token that came over such a break is written over a new connection, and only where the row still holds
  the token that it was got for. So nothing newer is overwritten, and whoever was refused meanwhile looks
  there once more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import asdict
from typing import Any, TypeVar

import orjson

from bulkseg.clock import Clock
from bulkseg.eloqua.tokens import LONGEST_HELD, Tokens, parsed
from bulkseg.errors import ConfigError, ServerGone, SignInRefused, StorageFull
from bulkseg.location import CONNECTION_DEFAULTS, Database
from bulkseg.redact import secrets

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise ConfigError("tokens in PostgreSQL need more: pip install 'bulkseg[fleet]'") from error

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

# For so many seconds after the mark nobody else spends the token: longer than a request for tokens takes.
SPENDING = 60.0
# So long a token that came is tried to be written while the database is away, in seconds.
PATIENCE = 120.0
_LOOK_EVERY = 0.2
_PASSING = ("08", "40", "53", "57")

# What `bulkseg fleet init` makes.
TABLES = (
    "CREATE SCHEMA IF NOT EXISTS bulkseg",
    """
    CREATE TABLE IF NOT EXISTS bulkseg.token (
        site TEXT NOT NULL,
        client_id TEXT NOT NULL,
        login_url TEXT NOT NULL,
        document JSONB NOT NULL,        -- what the token file holds
        spending_until TIMESTAMPTZ,     -- until then its refresh token may be on its way
        PRIMARY KEY (site, client_id, login_url)
    )
    """,
)

_HERE = "WHERE site = %(site)s AND client_id = %(client_id)s AND login_url = %(login_url)s"
_LOCK = """
SELECT pg_try_advisory_lock(hashtextextended(
    'bulkseg.token ' || jsonb_build_array(%(site)s::text, %(client_id)s::text, %(login_url)s::text)::text, 0))
"""
_READ = f"""
SELECT document::text, extract(epoch FROM spending_until - clock_timestamp()) FROM bulkseg.token {_HERE}
"""  # noqa: S608  # put together from constants
# Only over what this process has seen there: the refresh token stands for it.
_WRITE = """
INSERT INTO bulkseg.token AS kept (site, client_id, login_url, document, spending_until)
VALUES (%(site)s, %(client_id)s, %(login_url)s, %(document)s,
    clock_timestamp() + %(spending)s * interval '1 second')
ON CONFLICT (site, client_id, login_url) DO UPDATE
SET document = excluded.document, spending_until = excluded.spending_until
WHERE kept.document->>'refresh' = %(seen)s
"""
_SPENT = f"UPDATE bulkseg.token SET spending_until = NULL {_HERE}"  # noqa: S608  # likewise
# What is committed is to last, whatever is usual there; and a peer that is gone is to be found out soon.
_SETTINGS = """
SET synchronous_commit = on; SET statement_timeout = '20s';
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3
"""
_DEFAULTS = {**CONNECTION_DEFAULTS, "application_name": "bulkseg tokens"}


class TokenTable:
    """One chain of tokens in the database: that of a site, for one client at one login address.

    It keeps the promises of `tokens.TokenStore`. `site` is the site's name.
    """

    def __init__(
        self,
        database: Database,
        site: str,
        client_id: str,
        login_url: str,
        *,
        spending: float = SPENDING,
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._chain = {"site": site, "client_id": client_id, "login_url": login_url}
        self._spending = spending
        self._patience = patience
        self._connection: Connection | None = None
        # The refresh token that this process knows to stand in the row.
        self._seen = ""

    def __str__(self) -> str:
        """What a message calls it."""
        return f"the table of tokens of {self._database} (site {self._chain['site']})"

    def read(self) -> Tokens | None:
        """What is kept, or None where there is nothing. Only while it is held.

        Raises:
            SignInRefused: what is there is damaged.
            ServerGone: the connection is lost.
        """
        return self._look()[0]

    def ready(self, tokens: Tokens) -> None:
        """Marks the token as being spent: to be called right before it is, with what stands there.

        Raises:
            ServerGone: the connection is lost, and so perhaps the right to spend anything.
        """
        if not self._held(lambda raw: self._put(raw, tokens, self._spending)):
            raise ServerGone(f"{self} has been changed by another process; try again")

    def write(self, tokens: Tokens) -> None:
        """Puts `tokens` in its place, to last when this returns; waits where the database is away.

        What another process has put there meanwhile is newer, and stays.

        Raises:
            StorageFull: it cannot be written.
        """
        secrets.learn(tokens.refresh, tokens.access)
        end = time.monotonic() + self._patience
        while True:
            try:
                self._write_once(tokens)
            except psycopg.Error as error:
                self._drop()
                if time.monotonic() > end or not _passes(error):
                    raise StorageFull(
                        f"{self} cannot be written: {_words(error)}; once that is mended, run again, and if"
                        " the token is refused then, give a new one"
                    ) from None
                time.sleep(_LOOK_EVERY)
            else:
                return

    @asynccontextmanager
    async def held(self, clock: Clock) -> AsyncIterator[None]:
        """While it lasts, no other process spends what is kept; one that is gone lets go of it.

        Raises:
            ConfigError: the database has no such table, or may not be used.
            SignInRefused: another process has held it for too long, or what is there is damaged.
            ServerGone: the database cannot be reached.
        """
        end = clock.monotonic() + LONGEST_HELD
        try:
            while not await asyncio.to_thread(self._taken):
                if clock.monotonic() > end:
                    raise SignInRefused(f"another process has held {self} for {LONGEST_HELD:g} s: end it")
                await clock.sleep(_LOOK_EVERY)
            # Whoever marked it and lost the lock may still be spending it, and may still bring the next one.
            while (await asyncio.to_thread(self._look))[1] > 0:
                await clock.sleep(_LOOK_EVERY)
            yield
        finally:
            await asyncio.to_thread(self._let_go)

    def _write_once(self, tokens: Tokens) -> None:
        if self._connection is not None:
            self._put(self._connection, tokens, None)
            return
        # Without the lock: this connection is for nothing else.
        with closing(self._connected()) as raw:
            self._put(raw, tokens, None)

    def _taken(self) -> bool:
        """Connects where there is no connection, and tries for the lock once."""
        with self._in_words():
            if self._connection is None:
                self._connection = self._connected()
            row = self._connection.execute(_LOCK, self._chain).fetchone()
            return row is not None and bool(row[0])

    def _look(self) -> tuple[Tokens | None, float]:
        """What is kept, and for how many seconds its refresh token may still be on its way."""
        row = self._held(lambda raw: raw.execute(_READ, self._chain).fetchone())
        if row is None:
            return None, 0.0
        found = parsed(orjson.loads(row[0]))
        if found is None:
            raise SignInRefused(f"{self} is damaged: delete that row, and give a new refresh token")
        secrets.learn(found.refresh, found.access)
        self._seen = found.refresh
        return found, float(row[1] or 0.0)

    def _put(self, raw: Connection, tokens: Tokens, spending: float | None) -> bool:
        """Whether it was written: not over what another process has put there."""
        document = orjson.dumps(asdict(tokens)).decode()
        values = {**self._chain, "document": document, "spending": spending, "seen": self._seen}
        written = raw.execute(_WRITE, values).rowcount == 1
        if written:
            self._seen = tokens.refresh
        return written

    def _held(self, work: Callable[[Connection], T]) -> T:
        """Does what may only be done with the lock: over the one connection that has it, and once."""
        with self._in_words():
            if self._connection is None:
                raise ServerGone(f"the connection to {self} was lost; try again")
            return work(self._connection)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What goes wrong in here ends the connection, and with it the lock."""
        try:
            yield
        except psycopg.Error as error:
            self._drop()
            if _passes(error):
                raise ServerGone(f"{self} cannot be used for now: {_words(error)}") from None
            raise self._unusable(error) from None

    def _let_go(self) -> None:
        if self._connection is not None:
            # What cannot be said now runs out by itself.
            with suppress(psycopg.Error):
                self._connection.execute(_SPENT, self._chain)
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> Connection:
        options = {**_DEFAULTS, **conninfo_to_dict(self._database.url), "client_encoding": "utf8"}
        raw = psycopg.connect(**options, autocommit=True)  # type: ignore[arg-type]  # all are libpq's own
        raw.execute(_SETTINGS)
        return raw

    def _unusable(self, error: psycopg.Error) -> ConfigError:
        if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
            return ConfigError(f"{self._database} has no table of tokens: make it with `bulkseg fleet init`")
        return ConfigError(f"{self} cannot be used: {_words(error)}")


def _passes(error: psycopg.Error) -> bool:
    """Whether it may be otherwise soon: the server is away, its disk is full, another was in the way."""
    state = error.sqlstate or ""
    return isinstance(error, psycopg.OperationalError) and (not state or state.startswith(_PASSING))


def _words(error: psycopg.Error) -> str:
    """On one line, without the query and its values."""
    return " ".join((error.diag.message_primary or str(error)).split())
