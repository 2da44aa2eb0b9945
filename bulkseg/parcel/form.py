"""What a parcel looks like inside, and what the job in it may name.

It is a ZIP archive: the job's files below `job/`, as they lie to each other, and a source that was given in
place of the job's own below `source/`. The member `parcel.json` says which of them is what.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from bulkseg.errors import InputError, Problem
from bulkseg.remote import is_url

VERSION = 1
INDEX = "parcel.json"
JOB, SOURCE = "job", "source"
# What the files of a parcel may come to when they are unpacked, in bytes.
LARGEST = 1 << 30


def within(job: str, name: str) -> str | None:
    """Where the file lies that a job calls `name`, if the job lies at `job`; both seen from one folder.

    None for what lies in a store, which is read from there. The result may begin with `..`. Raises InputError
    for a name that leads to the same file only on the machine that it was written for.
    """
    here = PurePosixPath(name)
    if here.is_absolute() or name.lower().startswith("file:"):
        raise refused(job, f"{name}: names a file of one machine")
    if is_url(name):
        return None
    back = [number for number, part in enumerate(here.parts) if part == ".."]
    if back != list(range(len(back))):
        raise refused(job, f"{name}: goes into a folder and out again")
    return posixpath.normpath(posixpath.join(posixpath.dirname(job), name))


def refused(job: str, what: str) -> InputError:
    """The error for a job that cannot be embedded."""
    return InputError(Problem(job, f"{what}; a job that is embedded names its files as seen from itself"))
