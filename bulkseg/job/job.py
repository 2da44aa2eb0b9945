"""A job: what to provision, from which source, within which limits. Plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath

from bulkseg.job.blocks import Template
from bulkseg.job.limits import Limits
from bulkseg.job.tables import IfExists
from bulkseg.location import Location
from bulkseg.remote import Place, place_of


@dataclass(frozen=True, slots=True)
class Job:
    """`path` is the job file (or the bare data file), `base` the folder that its paths are relative to.

    `sources` are file names or globs; `key` is empty where the rendered name is the key; `vars` are name and
    value, overrides put in. A `bare` job has no templates: they follow from its columns. `fingerprint` stands
    for all that decides what the rows become, but for the source itself and today's date.
    A job that lies `elsewhere`, in a store, has no place beside it for a checkpoint: what is no database is
    then only the name of one.
    """

    name: str
    path: Place
    base: Place
    bare: bool
    site: str | None
    checkpoint: Location
    sources: tuple[str, ...]
    key: tuple[str, ...]
    vars: tuple[tuple[str, str], ...]
    templates: tuple[Template, ...]
    limits: Limits
    if_exists: IfExists
    fingerprint: str
    elsewhere: bool = False

    @staticmethod
    def load(
        path: str | PathLike[str],
        *,
        vars: Mapping[str, str] | None = None,  # noqa: A002  # the job file's word
        source: str | PathLike[str] | None = None,
    ) -> Job:
        """The job of a job file, or the one that a bare data file implies.

        Args:
            path: a `.toml`, or a data file.
            vars: values for names in its [vars], as `--var` gives them.
            source: a file whose rows are taken in place of the job's own source, as `--source` does.

        Raises:
            InputError: with everything that is wrong in it.
        """
        from bulkseg.job.loading import load_job, with_source  # noqa: PLC0415  # it makes Jobs

        job = load_job(place_of(fspath(path)), vars or {})
        return job if source is None else with_source(job, place_of(fspath(source)))
