"""How often the workers of a fleet are heard of, and for how long they are waited for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

# For tests, which have no time: `NAME=SECONDS`, with commas between them.
VARIABLE = "BULKSEG_FLEET_TERMS"


@dataclass(frozen=True, slots=True)
class Terms:
    """In seconds.

    beat: between two signs of life of a worker, which tell how far its jobs are as well.
    silent: a worker that has not been heard of for so long is taken for dead, and its jobs are put back.
    poll: at the latest after so long a worker looks for a job, whether it was told of one or not.
    again: a job whose checkpoint is still held by a former worker is tried again after so long.
    hurry: a worker that is told to stop waits for a database that is away no longer than this.
    lease: a checkpoint that its holder has not been heard of for so long may be taken over.
    """

    beat: float = 5.0
    silent: float = 30.0
    poll: float = 5.0
    again: float = 5.0
    hurry: float = 5.0
    lease: float = 30.0

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Terms:
        """The usual ones, or what a test has set."""
        pairs = (pair.partition("=") for pair in environ.get(VARIABLE, "").split(",") if pair)
        return cls(**{name: float(seconds) for name, _, seconds in pairs})
