"""Which checkpoint is meant by CHECKPOINT: the file itself, or that of a job; and which job is whose."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bulkseg.checkpoint import read
from bulkseg.errors import ConfigError, InputError
from bulkseg.job import Job, load_job
from bulkseg.job.loading import DATA_ENDINGS, STDIN


def find_checkpoint(given: Path) -> Path:
    """The checkpoint's path. Raises InputError for a job that is wrong, ConfigError for one never run."""
    if not _is_job(given):
        return given
    return _run_once(given, load_job(given).checkpoint)


def find_job(
    given: Path, overrides: Mapping[str, str], checkpoint: Path | None = None
) -> tuple[Path, Job | None]:
    """The checkpoint that is meant, and its job: the one that was given, or one that lies beside it.

    `overrides` are values for the job's vars; `checkpoint` is one that lies elsewhere than the job says.
    Raises as `find_checkpoint`, and CheckpointError.
    """
    if _is_job(given):
        job = load_job(given, overrides)
        return _run_once(given, checkpoint or job.checkpoint), job
    with read(given) as reader:
        return given, _beside(given, reader.meta.job, overrides)


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


def _run_once(given: Path, checkpoint: Path) -> Path:
    if not checkpoint.exists() and not given.exists():
        raise ConfigError(f"{given} does not exist, and neither does a checkpoint of it ({checkpoint})")
    if not checkpoint.exists():
        raise ConfigError(f"{given} has not been run yet (no {checkpoint}): start with `bulkseg run {given}`")
    return checkpoint


def _is_job(given: Path) -> bool:
    return str(given) == STDIN or given.name.lower().endswith((".toml", *DATA_ENDINGS))
