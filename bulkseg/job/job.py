"""A job: what to provision, from which source, within which limits. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bulkseg.job.blocks import Template
from bulkseg.job.limits import Limits
from bulkseg.job.tables import IfExists


@dataclass(frozen=True, slots=True)
class Job:
    """`path` is the job file (or the bare data file), `base` the folder that its paths are relative to.

    `sources` are file names or globs; `key` is empty where the rendered name is the key; `vars` are name and
    value, overrides put in. A `bare` job has no templates: they follow from its columns. `fingerprint` stands
    for all that decides what the rows become, but for the source itself and today's date.
    """

    name: str
    path: Path
    base: Path
    bare: bool
    site: str | None
    checkpoint: Path
    sources: tuple[str, ...]
    key: tuple[str, ...]
    vars: tuple[tuple[str, str], ...]
    templates: tuple[Template, ...]
    limits: Limits
    if_exists: IfExists
    fingerprint: str
