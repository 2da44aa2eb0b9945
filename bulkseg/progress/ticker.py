"""A call that comes again and again in the event loop, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Ticker:
    """Calls `call` every `seconds` from `start` to `stop`. `start` needs a running event loop."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """The first call comes after `seconds`."""
        self.stop()
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._tick)

    def stop(self) -> None:
        """No call comes after this."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _tick(self) -> None:
        self.start()
        self._call()
