"""Opens, reads and puts aside checkpoints, wherever they lie."""

from __future__ import annotations

from pathlib import Path

from bulkseg.checkpoint import files
from bulkseg.checkpoint.held import Checkpoint
from bulkseg.checkpoint.reader import Reader
from bulkseg.checkpoint.schema import MIGRATIONS, Migrations
from bulkseg.checkpoint.sqlite import FileCheckpoint, read_file
from bulkseg.checkpoint.terms import Terms
from bulkseg.location import Location


def open_checkpoint(
    place: Location,
    *,
    job: str,
    now: float,
    terms: Terms = Terms(),  # noqa: B008  # frozen
    migrations: Migrations = MIGRATIONS,
) -> Checkpoint:
    """Open the checkpoint of `job` at `place`, or make it. `now` is Unix time in seconds.

    Raises CheckpointBusy where another process holds it, and CheckpointError where it is damaged, another
    program's or another job's, of a newer version, or lies where it cannot be written or is not safe; it is
    then as it was. `migrated_from` tells the version of one that was brought forward.
    """
    if isinstance(place, Path):
        return FileCheckpoint.open(place, job=job, now=now, migrations=migrations)
    from bulkseg.checkpoint.postgres import opening

    return opening.hold(place, job=job, now=now, terms=terms, migrations=migrations)


def read(place: Location) -> Reader:
    """Open a checkpoint for reading, as a context manager. Raises CheckpointError where it cannot be read."""
    if isinstance(place, Path):
        return read_file(place)
    from bulkseg.checkpoint.postgres import opening

    return opening.read(place)


def exists(place: Location) -> bool:
    """Whether there is a checkpoint, usable or not. Raises CheckpointError where that cannot be told."""
    if isinstance(place, Path):
        return place.exists()
    from bulkseg.checkpoint.postgres import opening

    return opening.exists(place)


def put_aside(place: Location, *, job: str, now: float) -> Location | None:
    """Rename the checkpoint of `job`, damaged or not, to NAME.<UTC time>.old; gives that place, if any.

    Raises CheckpointBusy where a process holds it, CheckpointError where it is another job's or program's.
    """
    if isinstance(place, Path):
        return files.put_aside(place, job=job, now=now)
    from bulkseg.checkpoint.postgres import opening

    return opening.put_aside(place, job=job, now=now)
