"""Pass 1 on disk: every spec of a source, in a temporary file, so that nothing has to fit in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bulkseg import scratch
from bulkseg.checkpoint.compare import compare, waiting
from bulkseg.checkpoint.connect import connect, writing
from bulkseg.checkpoint.rows import Clash, Clashes, Comparison, Place, Waiting
from bulkseg.checkpoint.snapshot import snapshot
from bulkseg.location import Location
from bulkseg.model import Spec

# Made first, filled fast, indexed last: sorting a million keys once is quicker than placing each.
_TABLES = """
CREATE TABLE source (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
CREATE TABLE spec (
    ordinal INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    template TEXT NOT NULL,
    action TEXT NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    source_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    source INTEGER NOT NULL,
    line INTEGER NOT NULL,
    folder TEXT NOT NULL
)
"""
_ADD = "INSERT INTO spec VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# Two with one key mostly have one name too; that is one mistake, told as a key that comes twice.
_TWICE = """
INSERT OR IGNORE INTO clash (second, first, what)
SELECT later.ordinal, twice.first, '{column}'
FROM (
    SELECT {column} AS value, min(ordinal) AS first FROM spec GROUP BY {column} HAVING count(*) > 1
) AS twice
JOIN spec AS later ON later.{column} = twice.value AND later.ordinal > twice.first
"""
_FIRST_CLASHES = """
SELECT clash.what, CASE clash.what WHEN 'key' THEN later.key ELSE later.name END,
    earlier_source.label, earlier.line, later_source.label, later.line
FROM clash
JOIN spec AS later ON later.ordinal = clash.second
JOIN source AS later_source ON later_source.id = later.source
JOIN spec AS earlier ON earlier.ordinal = clash.first
JOIN source AS earlier_source ON earlier_source.id = earlier.source
ORDER BY clash.second LIMIT ?
"""


class Draft:
    """The specs of one source, in its order. Its file is private, and gone after `close`.

    Every method raises StorageFull where the temporary folder has no room (TMPDIR names another).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._sources: dict[str, int] = {}
        self._indexed = False
        self._connection = connect(path)
        # What is lost in a crash is made again by reading the source.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_TABLES)

    @classmethod
    def open(cls) -> Self:
        """A new, empty draft."""
        descriptor, name = tempfile.mkstemp(prefix="bulkseg-", suffix=".draft", dir=scratch.folder())
        os.close(descriptor)
        with writing(Path(name)):
            return cls(Path(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, specs: Sequence[Spec]) -> None:
        """Append the next specs of the source."""
        with writing(self.path):
            self._connection.execute("BEGIN")
            self._connection.executemany(_ADD, self._values(specs))
            self._connection.execute("COMMIT")
        self.count += len(specs)

    def clashes(self, limit: int = 100) -> Clashes:
        """What comes twice: the first `limit` of them in full, and how many specs repeat an earlier one."""
        with writing(self.path):
            self._index()
            self._connection.execute(
                "CREATE TEMP TABLE clash (second INTEGER PRIMARY KEY, first INTEGER, what TEXT)"
            )
            for column in ("key", "folded"):
                self._connection.execute(_TWICE.format(column=column))
            total: int = self._connection.execute("SELECT count(*) FROM clash").fetchone()[0]
            rows = self._connection.execute(_FIRST_CLASHES, (limit,)).fetchall() if total else []
            self._connection.execute("DROP TABLE temp.clash")
        return Clashes(tuple(_clash(*row) for row in rows), total)

    def compare(
        self, checkpoint: Location | None, *, retry_failed: bool = False, redo: bool = False, limit: int = 100
    ) -> Comparison:
        """What a run would find to do; changes nothing. None stands for a checkpoint yet to be made.

        Shows the first `limit` of each kind. Raises CheckpointError where the checkpoint cannot be read.
        """
        with writing(self.path):
            self._index()
        with snapshot(checkpoint) as old:
            return compare(self._connection, old, retry_failed=retry_failed, redo=redo, limit=limit)

    def waiting(
        self, checkpoint: Location | None, *, retry_failed: bool = False, redo: bool = False
    ) -> Iterator[Waiting]:
        """What a run would send, in the order of the source; raises like `compare`."""
        with writing(self.path):
            self._index()
        with snapshot(checkpoint) as old:
            yield from waiting(self._connection, old, retry_failed=retry_failed, redo=redo)

    def close(self) -> None:
        """Take the file away."""
        self._connection.close()
        self.path.unlink(missing_ok=True)

    def _index(self) -> None:
        if not self._indexed:
            self._connection.execute("CREATE INDEX by_key ON spec (key)")
            self._connection.execute("CREATE INDEX by_folded ON spec (folded)")
            self._indexed = True

    def _values(self, specs: Sequence[Spec]) -> Iterator[tuple[object, ...]]:
        for ordinal, spec in enumerate(specs, self.count + 1):
            yield (
                ordinal,
                spec.key,
                spec.template,
                spec.action,
                spec.name,
                spec.folded,
                spec.source_id,
                spec.hash,
                self._sources.get(spec.file) or self._intern(spec.file),
                spec.line,
                spec.folder,
            )

    def _intern(self, label: str) -> int:
        number = self._sources[label] = len(self._sources) + 1
        self._connection.execute("INSERT INTO source VALUES (?, ?)", (number, label))
        return number


def _clash(what: Literal["key", "folded"], value: str, *places: object) -> Clash:
    return Clash(
        "key" if what == "key" else "name",
        value,
        Place(str(places[0]), int(str(places[1]))),
        Place(str(places[2]), int(str(places[3]))),
    )
