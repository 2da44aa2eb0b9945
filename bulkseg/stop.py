"""The wish to stop a run: from a signal, or from within. The first wish counts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable

from bulkseg.errors import Stopped

SIGNAL_EXITS = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stop:
    """Set once, by a signal's number or by an error; whoever works looks at it between two pieces of work."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self.error: Stopped | None = None
        self._event = asyncio.Event()

    def request(self, signum: int) -> None:
        """A signal came: finish what is in flight, record it, and end."""
        if not self.requested:
            self.signum = signum
            self._event.set()

    def fail(self, error: Stopped) -> None:
        """Something makes going on pointless: finish what is in flight, record it, and end with `error`."""
        if not self.requested:
            self.error = error
            self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the run is to end early."""
        return self._event.is_set()

    @property
    def why(self) -> str | None:
        """In words, or None while nothing asks for an end."""
        if self.signum is not None:
            return f"stopped by {signal.Signals(self.signum).name}"
        return None if self.error is None else str(self.error)

    @property
    def exit_status(self) -> int | None:
        """What the command ends with because of this, or None."""
        if self.signum is not None:
            return SIGNAL_EXITS.get(signal.Signals(self.signum), 128 + self.signum)
        return None if self.error is None else self.error.exit_status

    def check(self) -> None:
        """Raises Stopped if an end was asked for."""
        if self.requested:
            raise Stopped(self.why or "stopped")

    async def wait(self) -> None:
        """Returns once an end was asked for."""
        await self._event.wait()

    async def or_else(self, waiting: Awaitable[None]) -> None:
        """Waits, but no longer than until an end is asked for: a server may put us off for an hour."""
        both = [asyncio.ensure_future(waiting), asyncio.ensure_future(self.wait())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
