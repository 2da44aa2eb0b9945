"""Every error that bulkseg raises on purpose.

::

    BulksegError                  exit 1
    ├── InputError                exit 2  the job or its source is wrong; holds the Problems
    ├── ConfigError               exit 2  credentials, URLs or options are wrong or missing
    ├── CheckpointError           exit 2  the checkpoint cannot be used for this
    │   ├── AnotherSite                   it is bound to another site than the one that we came to
    │   └── CheckpointBusy        exit 4  another process holds it
    └── Stopped                   exit 3  a run ended early; specs are pending
        ├── SignInRefused                 the server does not let us in
        ├── TooManyFailures               `max_failures` was passed, or every answer was 403
        ├── ServerGone                    unreachable for longer than `give_up_after`
        ├── CanaryDiffers                 the first segment is not what was asked for
        ├── CheckpointLost        exit 4  another process has taken the checkpoint over
        └── StorageFull                   the checkpoint or the token file could not be written

A message says what happened, where, and what to do about it; no traceback reaches a user for
something a user did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class BulksegError(Exception):
    """The root of the tree. `exit_status` is what the command line ends with."""

    exit_status: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in an input, and where.

    `file` is the name as a person can open it; `line` its real line (from 1), or None where it is about
    the file as a whole or about a job file; `column` the column's name, or a job file's TABLE.KEY.
    """

    file: str
    what: str
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        """`FILE:LINE: COLUMN: what is wrong and what to do`, on one line."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [place, self.what] if self.column is None else [place, self.column, self.what]
        return " ".join(": ".join(parts).splitlines())


class InputError(BulksegError):
    """The job or its source is wrong. Nothing was sent.

    `problems` holds the first ones in full, `total` says how many there are.
    """

    exit_status = 2

    def __init__(self, problems: Sequence[Problem] | Problem, total: int | None = None) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.total = len(self.problems) if total is None else total
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line a problem, and one that counts those that are not shown."""
        shown = [str(problem) for problem in self.problems]
        hidden = self.total - len(shown)
        return [*shown, f"and {hidden:,} more problems like these"] if hidden > 0 else shown


class ConfigError(BulksegError):
    """Credentials, URLs or options are wrong or missing. Nothing was sent."""

    exit_status = 2


class CheckpointError(BulksegError):
    """The checkpoint is damaged, foreign, of another job or site, or lies where it is not safe."""

    exit_status = 2


class AnotherSite(CheckpointError):
    """It is bound to `bound`, and this is the site `this`; each is a site's id or a base URL."""

    def __init__(self, place: object, bound: str | None, this: str, untouched: str) -> None:
        way = "use that site's credentials"
        if (bound or "").isdigit() != this.isdigit():
            # The same site, for all that can be told: it has no id where nobody asked the login for it.
            way = "if it is the same site, set or unset ELOQUA_BASE_URL as it was at the first run"
        super().__init__(
            f"{place} belongs to the site {bound}, and this is {this}; {untouched}; {way}, or name another"
            " checkpoint with --checkpoint"
        )


class CheckpointBusy(CheckpointError):
    """Another process holds the checkpoint."""

    exit_status = 4


class Stopped(BulksegError):
    """A run ended early. What was done is recorded; the same command goes on from there."""

    exit_status = 3


class SignInRefused(Stopped):
    """The server does not let us in (401, a redirect to a login page, or "Not authenticated.")."""


class TooManyFailures(Stopped):
    """More specs failed than `max_failures` allows, or every first answer was a 403."""


class ServerGone(Stopped):
    """The server was unreachable for longer than `give_up_after`."""


class CanaryDiffers(Stopped):
    """The first segment of a template was made, and is not what was asked for."""


class CheckpointLost(Stopped):
    """Another process has taken the checkpoint over, because this one was not heard of for too long."""

    exit_status = 4


class StorageFull(Stopped):
    """The checkpoint or the token file could not be written: the disk is full, or failed."""


def innermost(error: Exception) -> Exception:
    """What a group of tasks failed of: its first error; the others are those that this one has cancelled."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
