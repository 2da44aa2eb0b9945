"""A checkpoint in PostgreSQL as a SQLite file, for as long as a draft is compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bulkseg.checkpoint.connect import connect
from bulkseg.checkpoint.postgres import opening
from bulkseg.checkpoint.postgres.session import Raw
from bulkseg.checkpoint.schema import create_tables
from bulkseg.location import Database

# What a comparison looks at. The rest may be empty, where it may be.
_COLUMNS = (
    "id", "key", "template", "action", "name", "folded", "source_id", "hash", "source", "line", "ordinal",
    "present", "state", "attempts", "reconciled", "temporary", "error",
)  # fmt: skip
_SPECS = f"SELECT {', '.join(_COLUMNS)} FROM spec"
_FILL = f"INSERT INTO spec ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_BATCH = 5000


@contextmanager
def mirrored(database: Database) -> Iterator[Path | None]:
    """A private copy of its specs, all as they were at one moment; None where there is no such checkpoint."""
    try:
        session = opening.entered(database)
    except opening.NotThere:
        yield None
        return
    with TemporaryDirectory(prefix="bulkseg-") as place:
        path = Path(place, "mirror.checkpoint")
        path.touch(0o600)
        with closing(session):
            session.transact(
                lambda: session.do(lambda raw: _copy(raw, path)),
                begin="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            )
        yield path


def _copy(raw: Raw, path: Path) -> None:
    with closing(connect(path)) as copy:
        copy.execute("PRAGMA synchronous = OFF")
        create_tables(copy, "", 0.0)
        copy.execute("BEGIN")
        copy.executemany("INSERT INTO source VALUES (?, ?)", raw.execute("SELECT id, label FROM source"))
        with raw.cursor(name="specs") as specs:
            specs.itersize = _BATCH
            specs.execute(_SPECS)
            copy.executemany(_FILL, specs)
        copy.execute("COMMIT")
