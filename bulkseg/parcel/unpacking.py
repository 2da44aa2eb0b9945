"""Makes a private folder of a parcel, for as long as its job is run.

A parcel comes from whoever may submit jobs, who need not be somebody who may look into this machine: nothing
is written outside of the folder, and a job in it names no file outside of it.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from bulkseg import scratch
from bulkseg.errors import ConfigError, InputError
from bulkseg.job import named_files
from bulkseg.parcel.form import INDEX, JOB, LARGEST, SOURCE, VERSION, refused, within

_AT_ONCE = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The job file or data file of a parcel, and the source that was given in place of its own, if any."""

    job: Path
    source: Path | None


@contextmanager
def unpacked(parcel: bytes) -> Iterator[Unpacked]:
    """A folder for its owner alone with the files of a parcel, which is gone when the context ends.

    What an InputError in the context says of a file is said of its name in the parcel.

    Raises:
        ConfigError: the parcel is damaged, too large, of another version, or not one.
        InputError: its job is wrong, or names a file outside of the parcel.
    """
    with tempfile.TemporaryDirectory(prefix="bulkseg-", dir=scratch.folder()) as folder:
        try:
            found = _unpack(parcel, Path(folder))
            _refuse_outside(found.job, Path(folder) / JOB)
            yield found
        except InputError as error:
            raise _as_packed(error, folder) from None


def _unpack(parcel: bytes, folder: Path) -> Unpacked:
    try:
        with zipfile.ZipFile(io.BytesIO(parcel)) as archive:
            index = _index(archive)
            left = LARGEST
            for about in archive.infolist():
                if about.filename != INDEX:
                    left -= _write(archive, about, folder, left)
        places = [None if name is None else folder / _safe(name) for name in (index["job"], index["source"])]
    except (*_DAMAGED, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ConfigError(f"what was embedded is damaged ({error}): submit the job again") from None
    except OSError as error:
        raise ConfigError(f"what was embedded cannot be unpacked here: {error.strerror}") from None
    job, source = places
    if job is None or not all(place is None or place.is_file() for place in places):
        raise ConfigError("what was embedded is damaged (there is no job in it): submit the job again")
    return Unpacked(job, source)


def _index(archive: zipfile.ZipFile) -> dict[str, Any]:
    with archive.open(INDEX) as stream:
        index = orjson.loads(stream.read(_AT_ONCE))
    if not isinstance(index, dict) or index.get("version") != VERSION:
        raise ValueError("another version of bulkseg has made it")
    return index


def _write(archive: zipfile.ZipFile, about: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Gives how many bytes it was. What the archive says of itself is not believed, and no link is made."""
    path = folder / _safe(about.filename)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = 0
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as into, archive.open(about) as stream:  # noqa: PTH123  # made private from the start
        while chunk := stream.read(_AT_ONCE):
            written += len(chunk)
            if written > left:
                raise ValueError(f"unpacked, it has more than {LARGEST >> 20} MiB")
            into.write(chunk)
    return written


def _safe(member: Any) -> str:
    """A member's name, if it leads below the folders that are ours. Raises ValueError."""
    path = PurePosixPath(member if isinstance(member, str) else "")
    if (
        path.parts[:1] not in ((JOB,), (SOURCE,))
        or len(path.parts) == 1
        or ".." in path.parts
        or "\0" in member
    ):
        raise ValueError("a file in it has a name that leads elsewhere")
    return str(path)


def _refuse_outside(job: Path, top: Path) -> None:
    bodies, sources = named_files(job)
    at = str(job.relative_to(top))
    for name in (*bodies, *sources):
        place = within(at, name)
        if place is not None and PurePosixPath(place).parts[:1] == ("..",):
            raise refused(at, f"{name}: names a file that is not among them")


def _as_packed(error: InputError, folder: str) -> InputError:
    def named(text: str) -> str:
        return text.replace(f"{folder}/{JOB}/", "").replace(f"{folder}/{SOURCE}/", "")

    problems = [replace(one, file=named(one.file), what=named(one.what)) for one in error.problems]
    return InputError(problems, error.total)
