"""A connection to PostgreSQL that takes SQLite's queries, and comes back when the server was away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from bulkseg.checkpoint.connection import Cursor, Values
from bulkseg.checkpoint.postgres.dialect import translated
from bulkseg.errors import CheckpointError, ConfigError, StorageFull
from bulkseg.location import CONNECTION_DEFAULTS, Database

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.types.string import TextLoader
except ImportError as error:
    raise ConfigError("a checkpoint in PostgreSQL needs more: pip install 'bulkseg[fleet]'") from error

T = TypeVar("T")
Raw = psycopg.Connection[tuple[Any, ...]]

# Seconds between two tries to reach a server that is away.
_WAITS = (0.0, 0.1, 0.2, 0.5, 1.0)
# Failed for now: the connection broke (08), the server stops or starts (57P0x), or is a standby by now
# (25006); or another transaction was in the way. The same is worth doing again.
_AWAY = ("08", "57P01", "57P02", "57P03", "25006", "40001", "40P01")
# Out of disk or memory (53), broken off (57), or failed by the system (58).
_STORAGE = ("53", "57", "58")
_HINT = "what was recorded before is safe; see to the database, then run the same command again"


class Session:
    """For any thread, one at a time.

    A statement by itself is repeated where the connection breaks, for `patience` seconds, so it has to be one
    that may be done twice; and so has what is given to `transact`. The server shows its connections under
    `label`; `prepare` makes each new one ready.

    `away` says why, while it waits.

    Raises CheckpointError where the database cannot be used, StorageFull where it does not take what is
    written, or stays away.
    """

    def __init__(
        self,
        database: Database,
        *,
        patience: float = 0.0,
        label: str = "bulkseg",
        prepare: Callable[[Raw], None] | None = None,
    ) -> None:
        self.database = database
        self._label = label
        self._patience = patience
        self._prepare = prepare
        self._lock = threading.RLock()
        self._inside = False
        self._schema: str | None = None
        self._away_since: float | None = None
        self.away: str | None = None
        try:
            self._raw = self._connected()
        except psycopg.Error as error:
            raise CheckpointError(f"{database} cannot be reached: {_words(error)}") from error

    def enter(self, schema: str) -> None:
        """From here on, names of tables are of that schema."""
        self._schema = schema
        self._raw.execute(_search(schema))

    def execute(self, query: str, values: Values = (), /) -> Cursor:
        """Run one statement of SQLite's; `values` stand for its `?`, or for its `:name`."""
        return self.do(lambda raw: raw.execute(translated(query), values))

    def executemany(self, query: str, rows: Iterable[Values], /) -> Cursor:
        """Run one statement for each of the rows."""

        def work(raw: Raw) -> Cursor:
            cursor = raw.cursor()
            cursor.executemany(translated(query), list(rows))
            return cursor

        return self.do(work)

    def do(self, work: Callable[[Raw], T]) -> T:
        """Do something with the connection itself."""
        with self._lock:
            return work(self._raw) if self._inside else self._patiently(work)

    def transact(self, work: Callable[[], T], begin: str = "BEGIN") -> T:
        """Do `work` in a transaction; once more from its beginning where the connection broke."""
        with self._lock:
            return self._patiently(lambda raw: self._transaction(raw, work, begin))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside of a transaction: what fails in here takes nothing else of it along."""
        self._raw.execute("SAVEPOINT here")
        try:
            yield
        except BaseException:
            self._raw.execute("ROLLBACK TO SAVEPOINT here")
            raise
        finally:
            self._raw.execute("RELEASE SAVEPOINT here")

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._raw.close()

    def _transaction(self, raw: Raw, work: Callable[[], T], begin: str) -> T:
        raw.execute(begin)
        self._inside = True
        try:
            result = work()
            raw.execute("COMMIT")
        except BaseException:
            with suppress(psycopg.Error):
                raw.execute("ROLLBACK")
            raise
        finally:
            self._inside = False
        return result

    def _patiently(self, work: Callable[[Raw], T]) -> T:
        tries = 0
        while True:
            try:
                if self._raw.closed:
                    self._raw = self._connected()
                result = work(self._raw)
            except psycopg.Error as error:
                self._bear(error)
            else:
                self._away_since = self.away = None
                return result
            time.sleep(_WAITS[min(tries, len(_WAITS) - 1)])
            tries += 1

    def _bear(self, error: psycopg.Error) -> None:
        """Raise what went wrong, unless it is worth waiting for."""
        state = error.sqlstate or ""
        lost = isinstance(error, psycopg.OperationalError) and not state
        if not lost and not state.startswith(_AWAY):
            raise self._explained(error, state) from error
        if not state.startswith("40"):
            self._raw.close()
        now = time.monotonic()
        self._away_since, self.away = self._away_since or now, _words(error)
        if now - self._away_since >= self._patience:
            raise StorageFull(f"{self.database} cannot be reached ({_words(error)}); {_HINT}") from error

    def _explained(self, error: psycopg.Error, state: str) -> Exception:
        """In our words. What breaks a rule of the tables, or is a mistake of ours, stays what it is."""
        if state.startswith(_STORAGE) or isinstance(error, psycopg.OperationalError):
            return StorageFull(f"{self.database} could not be written ({_words(error)}); {_HINT}")
        if isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)):
            return CheckpointError(
                f"{self.database} is damaged ({_words(error)}); bring back a copy of it, or start anew with "
                "--fresh, which puts it aside but forgets what it had created"
            )
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return CheckpointError(f"{self.database} may not be used so by this user ({_words(error)})")
        return error

    def _connected(self) -> Raw:
        ours = {"client_encoding": "utf8", "application_name": self._label}
        options = {**CONNECTION_DEFAULTS, **conninfo_to_dict(self.database.url), **ours}
        raw = psycopg.connect(**options, autocommit=True)  # type: ignore[arg-type]  # all are libpq's own
        encoding = raw.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raw.close()
            raise CheckpointError(f"{self.database} has the encoding {encoding}; a checkpoint needs UTF8")
        # JSON is ours to read. And whatever the server's default is, what is committed is to last.
        raw.adapters.register_loader("json", TextLoader)
        raw.execute("SET synchronous_commit = on")
        if self._schema is not None:
            raw.execute(_search(self._schema))
        if self._prepare is not None:
            self._prepare(raw)
        return raw


def _search(schema: str) -> str:
    return f"SET search_path = {schema}"


def _words(error: psycopg.Error) -> str:
    """On one line, without the query."""
    return " ".join((error.diag.message_primary or str(error)).split())
