"""Holding a checkpoint by time: Eloqua cannot turn a late sender away, so the sender has to know it is late.

The lease is a row with an expiry by the database's clock. The holder counts from before it asked, by a clock
of its own that goes on while the process stands still, so that it takes itself for late before anybody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from bulkseg.errors import BulksegError

# The share of a lease after which it is renewed, and the share that is left as a margin: clocks do not run
# at one speed.
RENEW, MARGIN = 1 / 3, 1 / 10
# Seconds to the next try where a renewal failed.
TRY_AGAIN = 1.0


class Lease:
    """Taken, at the monotonic time `asked_at`, for so many seconds; `renew` says whether it is still ours.

    `renew` may raise a BulksegError where the database is away. Once it says no, that is for good.
    """

    def __init__(
        self, renew: Callable[[], bool], *, asked_at: float, seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._renew = renew
        self._seconds = seconds
        self._monotonic = monotonic
        self._deadline = self._until(asked_at)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="checkpoint-lease", daemon=True)

    def start(self) -> None:
        """From now on it is renewed, by a thread of its own."""
        self._thread.start()

    def holds(self) -> bool:
        """Whether it is sure to be ours at this moment."""
        return self._monotonic() < self._deadline

    def beat(self) -> float | None:
        """Renew it once. Gives the seconds to the next time, None where it is lost."""
        asked_at = self._monotonic()
        try:
            ours = self._renew()
        except BulksegError:
            return min(TRY_AGAIN, self._seconds * RENEW)
        if not ours:
            self._deadline = float("-inf")
            return None
        self._deadline = self._until(asked_at)
        return self._seconds * RENEW

    def end(self) -> None:
        """Renew it no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _until(self, asked_at: float) -> float:
        return asked_at + self._seconds * (1 - MARGIN)

    def _keep(self) -> None:
        wait: float | None = self._seconds * RENEW
        while wait is not None and not self._ended.wait(wait):
            wait = self.beat()
