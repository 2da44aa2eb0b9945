"""A job that was run long ago but for its last rows: `python -m benchmarks.prepared FILE.csv ROWS OPEN`."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

from benchmarks import source
from bulkseg.checkpoint import open_checkpoint
from bulkseg.clock import Clock
from bulkseg.job import load_job
from bulkseg.planning import RunOptions, surveyed
from bulkseg.summary import Summary

# What a run writes for each segment that it made, without its million fsyncs.
_MADE = """
UPDATE spec SET state = 'created', attempts = 1, http_status = 201, segment_id = ordinal, created_by = '12',
    created_at = ?, intent_at = ?, done_at = ?, intent_run = 1, run = 1
WHERE ordinal <= ?
"""


def prepare(path: Path, rows: int, left: int) -> Path:
    """Write the source and its checkpoint, all but `left` rows made; give the checkpoint's place."""
    job = load_job(source.write(path, rows))
    began = time.time() - 86_400
    with (
        surveyed(job, RunOptions(), Clock(), look=lambda: None, anew=False) as found,
        open_checkpoint(job.checkpoint, job=job.name, now=began) as checkpoint,
    ):
        if found.draft is None:
            raise RuntimeError(f"{job.checkpoint} is there already")
        checkpoint.merge(
            found.draft,
            source_fingerprint=found.source.fingerprint,
            job_fingerprint=found.job_fingerprint,
            rows=rows,
        )
        summary = Summary(job.name, job.checkpoint, stopped="by the benchmark").document()
        checkpoint.end_run(checkpoint.begin_run(began, found.today, "12"), summary, began + 1)
    connection = sqlite3.connect(job.checkpoint)
    connection.execute(_MADE, (str(int(began)), began, began + 1, rows - left))
    connection.commit()
    connection.close()
    return job.checkpoint


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
