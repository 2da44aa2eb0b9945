"""The checkpoint: what a job's specs are, what was asked for, and what became of it. Durable.

`Draft` takes a source in and finds what comes twice; a `Checkpoint` is held by the one process that sends;
`read` is for everybody else.
"""

from __future__ import annotations

from bulkseg.checkpoint.draft import Draft
from bulkseg.checkpoint.files import refuse_other_job
from bulkseg.checkpoint.held import Checkpoint
from bulkseg.checkpoint.reader import Reader
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
from bulkseg.checkpoint.stores import exists, open_checkpoint, put_aside, read
from bulkseg.checkpoint.terms import Terms

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
    "Terms",
    "Waiting",
    "exists",
    "open_checkpoint",
    "put_aside",
    "read",
    "refuse_other_job",
]
