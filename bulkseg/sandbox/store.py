"""The sandbox's state: segments and folders in SQLite, in memory or in a file that outlives a `kill -9`.

Each change is one statement, committed before the call returns; so what was answered was kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from bulkseg.errors import ConfigError
from bulkseg.sandbox.listing import Selection
from bulkseg.sandbox.settings import USER_ID

Kind = Literal["ContactSegment", "Folder"]

ROOT_FOLDER = 1
# "bksb" as a number: tells a sandbox's file from other SQLite files.
_APPLICATION_ID = 0x626B7362
_VERSION = 1
_SCHEMA = """
    CREATE TABLE assets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        folder_id INTEGER,
        created_by INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_by INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        listed_at REAL NOT NULL,
        rest BLOB NOT NULL,
        last_part INTEGER NOT NULL
    );
    CREATE INDEX assets_by_name ON assets (kind, name);
    INSERT INTO assets VALUES (1, 'Folder', 'Segments', '', NULL, 0, 0, 0, 0, 0, '{}', 0);
"""
# A page far into a list of a hundred thousand is counted and skipped to without looking at the rows: 10 ms
# instead of 280. A file that was made without this index gets it when it is opened.
_INDEX = "CREATE INDEX IF NOT EXISTS assets_listed ON assets (kind, id, updated_at, listed_at)"


class Arrival(NamedTuple):
    """A request that came in: `at` is monotonic time in seconds."""

    at: float
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A segment or a folder. Times are Unix seconds; it is missing from lists before `listed_at`.

    `rest` is the JSON of the properties that are not named here, the elements among them.
    """

    id: int
    kind: Kind
    name: str
    description: str
    folder_id: int | None
    created_by: int
    created_at: int
    updated_by: int
    updated_at: int
    listed_at: float
    rest: bytes


_COLUMNS = ", ".join(field.name for field in fields(Asset))
_INSERT = """
    INSERT INTO assets (kind, name, description, folder_id, created_by, created_at, updated_by, updated_at,
                        listed_at, rest, last_part)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
"""
_UPDATE = """
    UPDATE assets SET name = ?, description = ?, rest = ?, updated_by = ?, updated_at = ?, last_part = ?
    WHERE id = ?
"""


class Store:
    """Everything that a sandbox holds, and the `arrivals` that it has seen since it started.

    `now` gives Unix time in seconds. Raises ConfigError for a file that is no sandbox's, or cannot be used.
    """

    def __init__(self, path: Path | None, now: Callable[[], float]) -> None:
        self.arrivals: list[Arrival] = []
        self._now = now
        self._database = _open(path)
        # Ids of elements, filters and criteria: counted here, remembered with the asset that has them.
        self._last_part = int(self._one("SELECT coalesce(max(last_part), 0) FROM assets")[0])

    def close(self) -> None:
        """Close the file. The state in memory is gone then."""
        self._database.close()

    def next_part(self) -> str:
        """A new id for a part of a segment."""
        self._last_part += 1
        return str(self._last_part)

    def add(
        self,
        name: str,
        *,
        kind: Kind = "ContactSegment",
        description: str = "",
        folder_id: int = ROOT_FOLDER,
        rest: Mapping[str, Any] | None = None,
        created_by: int = USER_ID,
        listed_after: float = 0.0,
    ) -> Asset:
        """Make one, as it is: nothing is checked. Tests and demos seed a sandbox with this.

        `rest` are further properties, such as `{"elements": [...]}`; it shows in lists after `listed_after`
        seconds.
        """
        now = self._now()
        asset = Asset(
            id=0,
            kind=kind,
            name=name,
            description=description,
            folder_id=folder_id,
            created_by=created_by,
            created_at=int(now),
            updated_by=created_by,
            updated_at=int(now),
            listed_at=now + listed_after,
            rest=orjson.dumps(rest or {}),
        )
        (asset_id,) = self._one(_INSERT, *astuple(asset)[1:], self._last_part)
        return replace(asset, id=asset_id)

    def update(
        self, asset: Asset, *, name: str, description: str, rest: Mapping[str, Any], updated_by: int = USER_ID
    ) -> Asset:
        """Put new properties in place of the old ones."""
        now = int(self._now())
        body = orjson.dumps(rest)
        values = (name, description, body, updated_by, now, self._last_part, asset.id)
        self._database.execute(_UPDATE, values)
        return replace(
            asset, name=name, description=description, rest=body, updated_by=updated_by, updated_at=now
        )

    def delete(self, asset: Asset) -> None:
        """Take it out. Its id is not given again."""
        self._database.execute("DELETE FROM assets WHERE id = ?", (asset.id,))

    def get(self, asset_id: int, kind: Kind = "ContactSegment") -> Asset | None:
        """The one with this id, listed already or not."""
        return next(iter(self._all("id = ? AND kind = ?", asset_id, kind)), None)

    def named(self, name: str, kind: Kind = "ContactSegment") -> list[Asset]:
        """Those with exactly this name, by id, listed already or not."""
        return self._all("kind = ? AND name = ?", kind, name)

    def segments(self) -> list[Asset]:
        """All segments by id, listed already or not."""
        return self._all("kind = 'ContactSegment'")

    def count(self) -> int:
        """How many segments there are, listed already or not."""
        return int(self._one("SELECT count(*) FROM assets WHERE kind = 'ContactSegment'")[0])

    def select(self, selection: Selection, kind: Kind) -> tuple[list[Asset], int]:
        """A page of those that are listed by now, and how many there are on all pages."""
        where = f"kind = ? AND listed_at <= ? AND updated_at >= ? AND {selection.where.sql}"
        values = (kind, self._now(), selection.since, *selection.where.values)
        total = self._one(f"SELECT count(*) FROM assets WHERE {where}", *values)[0]  # noqa: S608
        page = (selection.count, (selection.page - 1) * selection.count)
        return self._all(where, *values, *page, tail=f"ORDER BY {selection.order} LIMIT ? OFFSET ?"), total

    def _all(self, where: str, *values: object, tail: str = "ORDER BY id") -> list[Asset]:
        # The words of these statements come from this package; what a request says is in the values.
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM assets WHERE {where} {tail}", values)  # noqa: S608
        return [Asset(*row) for row in rows]

    def _one(self, sql: str, *values: object) -> Sequence[Any]:
        # All rows are taken: an INSERT with RETURNING is committed when it has been read to its end.
        (row,) = self._database.execute(sql, values).fetchall()
        return tuple(row)


def _open(path: Path | None) -> sqlite3.Connection:
    with ExitStack() as stack:
        try:
            database = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
            stack.callback(database.close)
            _prepare(database, path)
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{path}: cannot be used as a sandbox's database: {error}") from error
        stack.pop_all()  # it stays open
    return database


def _prepare(database: sqlite3.Connection, path: Path | None) -> None:
    (empty,) = database.execute("SELECT count(*) = 0 FROM sqlite_schema").fetchone()
    known = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if not empty and known != [_APPLICATION_ID, _VERSION]:
        raise ConfigError(f"{path}: is not a database of this version's sandbox; name a new file")
    # A process that dies loses nothing that way; only the machine's own death could take the last moments.
    for mode in ("journal_mode = WAL", "synchronous = NORMAL") if path else ("synchronous = OFF",):
        database.execute(f"PRAGMA {mode}")
    if empty:
        marks = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_VERSION};"
        database.executescript(f"BEGIN; {_SCHEMA} {marks} COMMIT;")
    database.execute(_INDEX)
