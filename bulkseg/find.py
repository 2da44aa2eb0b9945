"""Which checkpoint is meant: the file that is named, or that of a job; and which job is whose."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from typing import TypeGuard

from bulkseg.checkpoint import exists, read, refuse_other_job
from bulkseg.errors import ConfigError, InputError
from bulkseg.job import Job, load_job
from bulkseg.job.loading import DATA_ENDINGS, STDIN
from bulkseg.location import Database, Location, named
from bulkseg.remote import place_of

# A job, or the path or URL of a job file or of a data file.
JobLike = Job | str | PathLike[str]


def job_of(given: JobLike) -> Job:
    """The job that is meant. Raises InputError with everything that is wrong in it."""
    return given if isinstance(given, Job) else load_job(place_of(fspath(given)))


def find_checkpoint(given: Location) -> Location:
    """Where the checkpoint lies.

    Raises:
        InputError: the job is wrong.
        ConfigError: it was never run.
        CheckpointError: what lies there is another job's.
    """
    return checkpoint_of(load_job(given)) if _is_job(given) else given


def checkpoint_of(job: Job, elsewhere: Location | None = None) -> Location:
    """The checkpoint of a job that was run; `elsewhere` is one that lies elsewhere than the job says.

    Raises:
        ConfigError: it was never run.
        CheckpointError: what lies there is another job's.
    """
    checkpoint = named(elsewhere or job.checkpoint, job.name)
    there = exists(checkpoint)
    if not there and not job.path.exists():
        raise ConfigError(f"{job.path} does not exist, and neither does a checkpoint of it ({checkpoint})")
    if not there:
        hint = f"start with `bulkseg run {job.path}`"
        raise ConfigError(f"{job.path} has not been run yet (no {checkpoint}): {hint}")
    # Two jobs may lie side by side under one name: nothing is told, let alone deleted, for the wrong one.
    with read(checkpoint) as reader:
        refuse_other_job(reader.meta.job, job.name, checkpoint)
    return checkpoint


def find_job(
    given: Location, overrides: Mapping[str, str], checkpoint: Location | None = None
) -> tuple[Location, Job | None]:
    """The checkpoint that is meant, and its job: the one that was given, or one that lies beside it.

    `overrides` are values for the job's vars; `checkpoint` is one that lies elsewhere than the job says.
    Raises as `find_checkpoint`, and CheckpointError.
    """
    if _is_job(given):
        job = load_job(given, overrides)
        return checkpoint_of(job, checkpoint), job
    with read(given) as reader:
        return given, _beside(given, reader.meta.job, overrides) if isinstance(given, Path) else None


def _beside(checkpoint: Path, name: str, overrides: Mapping[str, str]) -> Job | None:
    """A job of that name in the checkpoint's folder, under the names that a job's file is likely to have."""
    for place in (Path(name).name, f"{Path(name).name}.toml", f"{checkpoint.stem}.toml"):
        beside = checkpoint.with_name(place)
        if _is_job(beside) and beside.exists():
            with suppress(InputError):
                job = load_job(beside, overrides)
                if job.name == name:
                    return job
    return None


def _is_job(given: Location) -> TypeGuard[Path]:
    if isinstance(given, Database):
        return False
    return str(given) == STDIN or given.name.lower().endswith((".toml", *DATA_ENDINGS))
