"""The checkpoint: what a job's specs are, what was asked for, and what became of it. Durable, in one file.

`Draft` takes a source in and finds what comes twice; `Checkpoint` is held by the one process that sends;
`read` is for everybody else.
"""

from __future__ import annotations

from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.files import put_aside, refuse_other_job
from bulkseg.checkpoint.reader import Reader, read
from bulkseg.checkpoint.rows import (
    Changed,
    Clash,
    Clashes,
    Comparison,
    Doubt,
    Fate,
    Meta,
    OpenSpec,
    Place,
    Reserved,
    RunRow,
    Shown,
    SpecRow,
    Standing,
    Waiting,
)
from bulkseg.checkpoint.sqlite import Checkpoint

__all__ = [
    "Changed",
    "Checkpoint",
    "Clash",
    "Clashes",
    "Comparison",
    "Doubt",
    "Draft",
    "Fate",
    "Meta",
    "OpenSpec",
    "Place",
    "Reader",
    "Reserved",
    "RunRow",
    "Shown",
    "SpecRow",
    "Standing",
    "Waiting",
    "put_aside",
    "read",
    "refuse_other_job",
]
