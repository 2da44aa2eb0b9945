"""A run whose lease on its checkpoint is short, and that stands still by itself just before a request leaves.

`python -m tests.crash.leased JOB LEASE STOP`: STOP is the number of the create, from 1, between whose intent
and sending the process stops itself as by Ctrl-Z; 0 for none. Its exit status and output are the run's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from bulkseg import pipeline
from bulkseg.checkpoint import open_checkpoint
from bulkseg.eloqua import request, transport
from bulkseg.eloqua.sites import load_site
from bulkseg.errors import BulksegError, innermost
from bulkseg.job import load_job
from bulkseg.log import configure, get_logger
from bulkseg.planning import RunOptions
from bulkseg.progress.lines import Lines
from bulkseg.stop import Stop


class Stopping(request.Request):
    """Counts what is to be made, and stands still once."""

    left = 0

    async def send(self, conn: Any) -> Any:
        if self.method == "POST":
            Stopping.left -= 1
            if Stopping.left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
        return await super().send(conn)


async def main(job: Path, lease: float) -> int:
    def opened(place: Any, *, terms: Any, **others: Any) -> Any:
        return open_checkpoint(place, terms=replace(terms, lease=lease), **others)

    pipeline.open_checkpoint = opened
    configure("warning", "json")
    try:
        summary = await pipeline.run(
            load_job(job),
            RunOptions(canary=False),
            load_site(None),
            observer=Lines(get_logger()),
            stop=Stop(),
        )
    except Exception as raised:
        error = innermost(raised)
        if not isinstance(error, BulksegError):
            raise
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    sys.stdout.buffer.write(orjson.dumps(summary.document()))
    return summary.exit


if __name__ == "__main__":
    Stopping.left = int(sys.argv[3])
    transport.Request = Stopping
    sys.exit(asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]))))
