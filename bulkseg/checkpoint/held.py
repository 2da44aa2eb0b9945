"""A checkpoint that is held by this process: asked, merged, written. What its database does is left open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from bulkseg.checkpoint.connect import writing
from bulkseg.checkpoint.connection import Connection
from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.facts import Facts
from bulkseg.checkpoint.merge import merge, reopen
from bulkseg.checkpoint.reader import count_states
from bulkseg.checkpoint.rows import OpenSpec
from bulkseg.checkpoint.writer import Writer
from bulkseg.errors import AnotherSite
from bulkseg.location import Location
from bulkseg.model import Intent, Record, State

T = TypeVar("T")


_OPEN = "FROM spec WHERE state = 'pending' AND present"
_NEXT_OPEN = f"""
SELECT ordinal, id, key, (SELECT label FROM source WHERE source.id = spec.source), line, attempts
{_OPEN} AND ordinal > ? ORDER BY ordinal LIMIT ?
"""
_BEGIN_RUN = """
INSERT INTO run (started_at, began, boot, user_id, login) VALUES (?, ?, ?, ?, ?) RETURNING number
"""
_WARN = "UPDATE spec SET warning = coalesce(warning || '; ', '') || ? WHERE id = ?"
_FORGET_STOOD = """
DELETE FROM stood
WHERE run <> ?
    AND run NOT IN (
        SELECT intent_run FROM spec WHERE state IN ('sending', 'unknown') AND intent_run IS NOT NULL
    )
"""


class Checkpoint(ABC):
    """The durable record of a job's specs, held by this process until `close`.

    Its methods block for as long as the disk takes, `intend` and `record` apart. Where that does not take
    what is written, they raise StorageFull; what was written before is safe, and the call may be repeated.
    """

    def __init__(
        self,
        place: Location,
        connection: Connection,
        queries: Connection,
        writer: Writer,
        migrated_from: int | None,
    ) -> None:
        self.place = place
        self.migrated_from = migrated_from
        self.facts = Facts(queries, place)
        self._closed = False
        self._connection = connection
        # A reader's thread has its own connection: it never waits for a transaction of ours.
        self._queries = queries
        self._writer = writer

    @abstractmethod
    def may_send(self) -> bool:
        """Whether this process is sure to hold it at this moment, so that a request may leave."""

    @property
    def away(self) -> str | None:
        """Why what is to be written waits, where it lies in a database that is away at the moment."""
        return None

    @abstractmethod
    def _transact(self, work: Callable[[], T]) -> T:
        """Do `work` in a transaction of `_connection`; it may be done again where that was broken off."""

    @abstractmethod
    def _take_in(self, draft: Draft, work: Callable[[], None]) -> None:
        """The same, with the draft's tables beside the checkpoint's as `draft`."""

    @abstractmethod
    def _let_go(self) -> None:
        """End the connections, and let others hold it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- What it knows ----------------------------------------------------------------------------------

    @property
    def today(self) -> date | None:
        """The day that the templates see: that of the first run. None before it."""
        text: str | None = self._one("SELECT today FROM meta")
        return date.fromisoformat(text) if text else None

    @property
    def site(self) -> str | None:
        """The site that it is bound to, None before the first sign-in."""
        site: str | None = self._one("SELECT site FROM meta")
        return site

    def unchanged(self, source_fingerprint: str, job_fingerprint: str) -> bool:
        """Whether source and job are those of the last merge, so that there is nothing to merge."""
        query = "SELECT source_fingerprint = ? AND job_fingerprint = ? FROM meta"
        return bool(self._one(query, (source_fingerprint, job_fingerprint)))

    def counts(self) -> dict[State, int]:
        """How many specs that are in the source now are in each state (all states)."""
        with writing(self.place):
            return count_states(self._connection)

    def count_open(self) -> int:
        """How many specs are still to be sent."""
        count: int = self._one(f"SELECT count(*) {_OPEN}")
        return count

    def open_specs(self, after_ordinal: int, limit: int) -> list[OpenSpec]:
        """The next specs to be sent, in the order of the source. May be called from another thread."""
        with writing(self.place):
            return [OpenSpec(*row) for row in self._queries.execute(_NEXT_OPEN, (after_ordinal, limit))]

    # --- What is written between the requests -----------------------------------------------------------

    def merge(
        self,
        draft: Draft,
        *,
        source_fingerprint: str,
        job_fingerprint: str,
        rows: int,
        retry_failed: bool = False,
        redo: bool = False,
    ) -> None:
        """Take over a source that is free of clashes, and put back to pending what is to be sent again."""
        meta = (source_fingerprint, job_fingerprint, rows, draft.count)
        rules = {"retry_failed": retry_failed, "redo": redo}
        self._take_in(draft, lambda: merge(self._connection, meta, rules))

    def reopen_failed(self, *, retry_failed: bool = False, redo: bool = False) -> None:
        """What `merge` puts back to pending, where source and job are unchanged."""
        rules = {"retry_failed": retry_failed, "redo": redo}
        self._transact(lambda: reopen(self._connection, rules))

    def bind(self, site: str) -> None:
        """Bind it to the site it was used with first. Raises AnotherSite where that is another one."""
        query = "UPDATE meta SET site = ? WHERE site IS NULL"
        self._transact(lambda: self._connection.execute(query, (site,)))
        if self.site != site:
            raise AnotherSite(self.place, self.site, site, "nothing was sent")

    def begin_run(
        self,
        now: float,
        today: date,
        user_id: str | None = None,
        *,
        login: str = "",
        began: float = 0.0,
        boot: str | None = None,
    ) -> int:
        """Note that a run begins, and whose it is; gives its number, from 1.

        `today` is kept if this is the first; `user_id` is None where the sign-in did not tell, `login` the
        name that it was done with. `began` is `now` by the machine's own count of seconds, and `boot` what
        that counts from, if it can be told.
        """

        def begin() -> int:
            self._connection.execute("UPDATE meta SET today = ? WHERE today IS NULL", (today.isoformat(),))
            values = (now, began, boot, user_id, login)
            number: int = self._connection.execute(_BEGIN_RUN, values).fetchone()[0]
            return number

        self._writer.run = number = self._transact(begin)
        return number

    def end_run(self, number: int, summary: Mapping[str, Any], now: float) -> None:
        """Note how a run ended."""
        values = (now, orjson.dumps(summary).decode(), number)
        query = "UPDATE run SET ended_at = ?, summary = ? WHERE number = ?"
        self._transact(lambda: self._connection.execute(query, values))

    # --- What is written around each request ------------------------------------------------------------

    def keep_stood(self, run: int, segments: Iterable[tuple[str, str, str]], *, whole: bool = True) -> int:
        """Keep what the server held before `run` sends anything: id, name and folded name of each segment.

        Adds to what is kept for `run` already, and gives how many were new; it is a list once it is `whole`.
        Then the lists of earlier runs are let go of, but for those by which a doubt is still to be judged.
        """
        rows = [(run, *segment) for segment in segments]

        def keep() -> int:
            insert = "INSERT INTO stood VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
            added = self._connection.executemany(insert, rows).rowcount if rows else 0
            if whole:
                self._connection.execute(_FORGET_STOOD, (run,))
                self._connection.execute("UPDATE run SET stood = 1 WHERE number = ?", (run,))
            return added

        return self._transact(keep)

    def forget_stood(self, run: int) -> None:
        """Let go of what is kept for `run`, which is no list yet."""
        query = "DELETE FROM stood WHERE run = ?"
        self._transact(lambda: self._connection.execute(query, (run,)))

    def warn(self, number: int, warning: str) -> None:
        """Add to what is odd about a spec."""
        self._transact(lambda: self._connection.execute(_WARN, (warning, number)))

    async def intend(self, intents: Sequence[Intent]) -> None:
        """Note that these requests are about to leave: sending, each with the time of its intent.

        Raises CheckpointError for a spec that is neither pending nor sending: it must not be sent.
        """
        await self._writer.write(intents)

    async def record(self, records: Sequence[Record]) -> None:
        """Note what became of these.

        An id is always taken. One that another spec has already makes this one unknown; a second one for a
        spec that has one is told in its warning. Raises CheckpointError for a record that would drop an id.
        """
        await self._writer.write(records)

    def close(self) -> None:
        """Write what is waiting, and let go of it.

        Raises what went wrong with a write that nobody waited for any more. A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.close()
        finally:
            self._let_go()

    def _one(self, query: str, values: Sequence[object] = ()) -> Any:
        with writing(self.place):
            return self._connection.execute(query, values).fetchone()[0]
