"""Packs a job with its body files and sources into one value."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.job import named_files
from bulkseg.parcel.form import INDEX, JOB, LARGEST, SOURCE, VERSION, within
from bulkseg.rows import STDIN, labels_of

# How large a parcel may be, in bytes, unless told otherwise: it goes through a database in one piece.
LIMIT = 32 << 20
_AT_ONCE = 1 << 20


def pack(job: Path, source: Path | None = None, *, limit: int = LIMIT) -> bytes:
    """The job file or data file `job` and all that it names on this machine; not what lies in a store.

    `source` takes the place of the job's own sources. The same files make the same bytes. Raises InputError
    for what cannot be packed, and where the parcel would have more than `limit` bytes.
    """
    files = {f"{JOB}/{member}": path for member, path in _tree(job, own_sources=source is None).items()}
    index = {"version": VERSION, "job": _member_of(job, files), "source": None}
    if source is not None:
        index["source"] = f"{SOURCE}/{source.name}"
        files[f"{SOURCE}/{source.name}"] = source
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(_about(INDEX), orjson.dumps(index))
        left = LARGEST
        for member, path in files.items():
            for written in _add(archive, _about(member), path):
                left -= written
                if left < 0 or packed.tell() > limit:
                    raise _too_large(path, limit)
    if packed.tell() > limit:
        raise _too_large(job, limit)
    return packed.getvalue()


def _about(member: str) -> zipfile.ZipInfo:
    """Without a time, so that the same files make the same bytes."""
    about = zipfile.ZipInfo(member)
    about.compress_type = zipfile.ZIP_DEFLATED
    return about


def _add(archive: zipfile.ZipFile, about: zipfile.ZipInfo, path: Path) -> Iterator[int]:
    """Adds a file piece by piece; gives the size of each."""
    try:
        with _opened(path) as content, archive.open(about, "w") as into:
            while chunk := content.read(_AT_ONCE):
                into.write(chunk)
                yield len(chunk)
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except UnicodeEncodeError:
        raise InputError(Problem(str(path), "has a name that is no text: rename it")) from None


def _tree(job: Path, *, own_sources: bool) -> dict[str, Path]:
    """The job's files by their names below the folder that holds them all; they lie to each other as here."""
    bodies, sources = named_files(job)
    if own_sources and (STDIN in sources or str(job) == STDIN):
        raise InputError(Problem(str(job), "standard input cannot be embedded: put the rows into a file"))
    own = [job.name, *(name for name in bodies if _lies_here(job, name))]
    named = [name for name in sources if _lies_here(job, name)]
    # Where the job's own sources stay behind, what it calls them still leads to nothing outside.
    top = os.path.commonpath([os.path.dirname(_absolute(job, name)) for name in (*own, *named)])  # noqa: PTH120
    names = [*own, *labels_of(named, job.parent)] if own_sources else own
    return {os.path.relpath(_absolute(job, name), top): job.parent / name for name in names}


def _lies_here(job: Path, name: str) -> bool:
    return within(str(job), name) is not None


def _absolute(job: Path, name: str) -> str:
    """Without a look at links, by which names do not go either."""
    return os.path.abspath(job.parent / name)  # noqa: PTH100


def _member_of(job: Path, files: Mapping[str, Path]) -> str:
    return next(member for member, path in files.items() if path == job.parent / job.name)


def _opened(path: Path) -> IO[bytes]:
    # A pipe would wait for its writer.
    if path.exists() and not path.is_file():
        raise OSError(None, "it is no file")
    return path.open("rb")


def _too_large(path: Path, limit: int) -> InputError:
    return InputError(
        Problem(
            str(path),
            f"is too large to be embedded: with it, the parcel has more than {limit / (1 << 20):g}"
            " MiB; put the source where all workers reach it, such as a store, and name it by its URL",
        )
    )
