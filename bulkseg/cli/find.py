"""Which checkpoint is meant by CHECKPOINT: the file itself, or that of a job."""

from __future__ import annotations

from pathlib import Path

from bulkseg.errors import ConfigError
from bulkseg.job import load_job
from bulkseg.job.loading import DATA_ENDINGS, STDIN


def find_checkpoint(given: Path) -> Path:
    """The checkpoint's path. Raises InputError for a job that is wrong, ConfigError for one never run."""
    if not _is_job(given):
        return given
    checkpoint = load_job(given).checkpoint
    if not checkpoint.exists() and not given.exists():
        raise ConfigError(f"{given} does not exist, and neither does a checkpoint of it ({checkpoint})")
    if not checkpoint.exists():
        raise ConfigError(f"{given} has not been run yet (no {checkpoint}): start with `bulkseg run {given}`")
    return checkpoint


def _is_job(given: Path) -> bool:
    return str(given) == STDIN or given.name.lower().endswith((".toml", *DATA_ENDINGS))
