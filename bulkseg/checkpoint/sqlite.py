"""A checkpoint in one SQLite file: opened, merged, asked, written, closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from bulkseg.checkpoint.connect import connect, connect_durably, writing
from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.facts import Facts
from bulkseg.checkpoint.files import settle, sync_folder, take, write_back
from bulkseg.checkpoint.lock import Lock
from bulkseg.checkpoint.merge import attached, merge, reopen
from bulkseg.checkpoint.reader import count_states
from bulkseg.checkpoint.rows import OpenSpec
from bulkseg.checkpoint.schema import MIGRATIONS, Migrations
from bulkseg.checkpoint.writer import Writer
from bulkseg.errors import CheckpointError
from bulkseg.model import Intent, Record, State

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
    AND run NOT IN (SELECT intent_run FROM spec WHERE state IN ('sending', 'unknown') AND intent_run NOT NULL)
"""


class Checkpoint:
    """The durable record of a job's specs, held by this process until `close`.

    Its methods block for as long as the disk takes, `intend` and `record` apart. Where the disk does not take
    what is written, they raise StorageFull; what was written before is safe, and the call may be repeated.
    """

    def __init__(self, path: Path, lock: Lock, migrated_from: int | None) -> None:
        self.path = path
        self.migrated_from = migrated_from
        self._lock = lock
        self._closed = False
        self._connection = connect_durably(path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A reader's thread has its own connection: it never waits for a transaction of ours.
        self._queries = connect(path)
        self._writer = Writer(connect_durably(path), path)
        self.facts = Facts(self._queries, path)

    @classmethod
    def open(cls, path: Path, *, job: str, now: float, migrations: Migrations = MIGRATIONS) -> Self:
        """Open the checkpoint of `job` at `path`, or make it. `now` is Unix time in seconds.

        Raises CheckpointBusy where another process holds it, and CheckpointError where it is damaged, another
        program's or another job's, of a newer version, or lies where it cannot be written or is not safe; it
        is then as it was. `migrated_from` tells the version of one that was brought forward.
        """
        path = path.resolve()
        lock = take(path)
        try:
            migrated_from = settle(path, job, now, migrations)
            with writing(path):
                return cls(path, lock, migrated_from)
        except BaseException:
            lock.release()
            raise

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
        with writing(self.path):
            return count_states(self._connection)

    def count_open(self) -> int:
        """How many specs are still to be sent."""
        count: int = self._one(f"SELECT count(*) {_OPEN}")
        return count

    def open_specs(self, after_ordinal: int, limit: int) -> list[OpenSpec]:
        """The next specs to be sent, in the order of the source. May be called from another thread."""
        with writing(self.path):
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
        with writing(self.path), attached(self._connection, draft.path), self._transaction():
            merge(self._connection, meta, {"retry_failed": retry_failed, "redo": redo})
        with writing(self.path):
            # So that the WAL of a large merge is not what the run's first commits have to write back.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def reopen_failed(self, *, retry_failed: bool = False, redo: bool = False) -> None:
        """What `merge` puts back to pending, where source and job are unchanged."""
        with self._transaction():
            reopen(self._connection, {"retry_failed": retry_failed, "redo": redo})

    def bind(self, site: str) -> None:
        """Bind it to the site it was used with first. Raises CheckpointError where that is another one."""
        with self._transaction():
            self._connection.execute("UPDATE meta SET site = ? WHERE site IS NULL", (site,))
        if self.site != site:
            raise CheckpointError(
                f"{self.path} belongs to the site {self.site}, and this is {site}; nothing was sent; "
                "use that site's credentials, or name another checkpoint with --checkpoint"
            )

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
        with self._transaction():
            self._connection.execute("UPDATE meta SET today = ? WHERE today IS NULL", (today.isoformat(),))
            values = (now, began, boot, user_id, login)
            number: int = self._connection.execute(_BEGIN_RUN, values).fetchone()[0]
        self._writer.run = number
        return number

    def end_run(self, number: int, summary: Mapping[str, Any], now: float) -> None:
        """Note how a run ended."""
        with self._transaction():
            self._connection.execute(
                "UPDATE run SET ended_at = ?, summary = ? WHERE number = ?",
                (now, orjson.dumps(summary).decode(), number),
            )

    # --- What is written around each request ------------------------------------------------------------

    def keep_stood(self, run: int, segments: Iterable[tuple[str, str, str]], *, whole: bool = True) -> int:
        """Keep what the server held before `run` sends anything: id, name and folded name of each segment.

        Adds to what is kept for `run` already, and gives how many were new; it is a list once it is `whole`.
        Then the lists of earlier runs are let go of, but for those by which a doubt is still to be judged.
        """
        insert = "INSERT OR IGNORE INTO stood VALUES (?, ?, ?, ?)"
        with self._transaction():
            added = self._connection.executemany(insert, ((run, *segment) for segment in segments)).rowcount
            if whole:
                self._connection.execute(_FORGET_STOOD, (run,))
                self._connection.execute("UPDATE run SET stood = 1 WHERE number = ?", (run,))
        return max(added, 0)  # SQLite's module gives -1 for none

    def forget_stood(self, run: int) -> None:
        """Let go of what is kept for `run`, which is no list yet."""
        with self._transaction():
            self._connection.execute("DELETE FROM stood WHERE run = ?", (run,))

    def warn(self, number: int, warning: str) -> None:
        """Add to what is odd about a spec."""
        with self._transaction():
            self._connection.execute(_WARN, (warning, number))

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
        """Write what is waiting, put everything into the one file, and let go of it.

        Raises what went wrong with a write that nobody waited for any more. A second call does nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._writer.close()
        finally:
            self._queries.close()
            write_back(self._connection)
            self._connection.close()
            sync_folder(self.path)
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with writing(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _one(self, query: str, values: Sequence[object] = ()) -> Any:
        with writing(self.path):
            return self._connection.execute(query, values).fetchone()[0]
