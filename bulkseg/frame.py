"""The results as a pandas DataFrame: what became of each spec of a job."""

from __future__ import annotations

from collections.abc import Collection
from os import fspath

import pandas as pd

from bulkseg.checkpoint import read
from bulkseg.find import JobLike, checkpoint_of, find_job
from bulkseg.job import Job
from bulkseg.location import Location, located
from bulkseg.model import State
from bulkseg.planning import RunOptions
from bulkseg.results import whole_frame


def results_frame(
    job: JobLike,
    *,
    states: Collection[State | str] = (),
    options: RunOptions = RunOptions(),  # noqa: B008  # frozen
) -> pd.DataFrame:
    """One row a spec, those that were never sent too, with the columns that `bulkseg results` writes.

    Text has the dtype `string`, whole numbers `Int64`, times are in UTC.

    Args:
        job: a Job, or the path of a job file, a data file or a checkpoint, or a `postgresql://` address.
        states: only specs in these, such as `["failed", "unknown"]`; by default all.
        options: those of the run. Only `checkpoint` counts here.

    Raises:
        InputError: the job is wrong.
        ConfigError: it was never run.
        CheckpointError: its checkpoint is damaged, or another job's.
        ValueError: there is no such state.
    """
    wanted = [State(state) for state in states]
    with read(_checkpoint(job, options)) as reader:
        return whole_frame(reader.specs(wanted))


def _checkpoint(job: JobLike, options: RunOptions) -> Location:
    if isinstance(job, Job):
        return checkpoint_of(job, options.checkpoint)
    return find_job(located(fspath(job)), {}, options.checkpoint)[0]
