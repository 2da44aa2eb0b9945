"""A checkpoint as a file that a draft can be compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bulkseg.location import Location


@contextmanager
def snapshot(place: Location | None) -> Iterator[Path | None]:
    """The file itself; or a copy of what lies in a database, as it is now, and gone afterwards.

    None where there is nothing yet. Raises CheckpointError where it cannot be read.
    """
    if place is None or isinstance(place, Path):
        yield place if place is not None and place.exists() else None
        return
    from bulkseg.checkpoint.postgres.mirror import mirrored

    with mirrored(place) as copy:
        yield copy
