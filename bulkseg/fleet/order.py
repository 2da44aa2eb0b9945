"""What is submitted: which job, and what the call says beyond it. It goes through the queue as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bulkseg.errors import ConfigError
from bulkseg.job import Job, load_job
from bulkseg.job.loading import STDIN
from bulkseg.location import Database
from bulkseg.planning import RunOptions
from bulkseg.remote import place_of

# The site of a job that names none.
DEFAULT_SITE = "default"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `fleet submit` takes of the options of `run`. A job that goes on elsewhere keeps them."""

    retry_failed: bool = False
    redo: bool = False
    rate: float | None = None
    concurrency: int | None = None
    if_exists: Any = None
    canary: bool = True
    accept_warnings: bool = False
    make_folders: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One job. `name` is its checkpoint's as well.

    `file` and `source` are found by every worker, unless it is `embedded`: then they go through the database.
    """

    name: str
    site: str
    file: str
    source: str | None = None
    vars: Mapping[str, str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    embedded: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Order:
        """From what `document` gave. Raises ConfigError for one of another version."""
        try:
            return cls(**{**document, "wishes": Wishes(**document["wishes"])})
        except (KeyError, TypeError) as error:
            raise ConfigError(f"another version of bulkseg has submitted it: {error}") from error

    def job(self) -> Job:
        """Read from its file, with what the call says in its place. Raises InputError, ConfigError."""
        return Job.load(self.file, vars=self.vars, source=self.source or None)

    def options(self, database: Database, *, again: bool = False) -> RunOptions:
        """For a run. What failed before or was undone is taken up once, not `again` by who goes on.

        The checkpoint is in the fleet's own database, also of a job that names another: who submits a job
        does not choose where a worker takes its password to.
        """
        wishes = asdict(self.wishes)
        if again:
            wishes |= {"retry_failed": False, "redo": False}
        return RunOptions(checkpoint=Database(database.url, self.name), **wishes)


def order(
    file: str,
    source: str | None,
    overrides: Mapping[str, str],
    wishes: Wishes = Wishes(),  # frozen
) -> Order:
    """An order for a job as it is now. Raises InputError, ConfigError."""
    job = load_job(place_of(file), overrides)
    everywhere = _everywhere(source) if source else None
    return Order(
        name_of(job), job.site or DEFAULT_SITE, _everywhere(file), everywhere, dict(overrides), wishes
    )


def name_of(job: Job) -> str:
    """The name of its checkpoint: the job's, or what the job says instead."""
    if isinstance(job.checkpoint, Database):
        return job.checkpoint.name or job.name
    own = job.checkpoint.name.removesuffix(".checkpoint")
    return job.name if job.bare or own == job.path.stem else own


def _everywhere(given: str) -> str:
    """A name that leads to the same from any folder. Raises ConfigError for what only this process has."""
    if given == STDIN:
        raise ConfigError("standard input cannot be read by a worker: put the rows into a file")
    place = place_of(given)
    return str(place.absolute()) if isinstance(place, Path) else str(place)
