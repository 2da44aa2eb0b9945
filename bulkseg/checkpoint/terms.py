"""For how long a checkpoint in a database is held without a word, and how long the database is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulkseg.clock import Clock


@dataclass(frozen=True, slots=True)
class Terms:
    """In seconds. A file's lock needs none of them.

    lease: a holder that has not been heard of for so long has lost it.
    patience: a database that is away is waited for so long before the run stops.
    monotonic: counts on while a process, or its machine, stands still.
    """

    lease: float = 30.0
    patience: float = 600.0
    monotonic: Callable[[], float] = Clock().monotonic
