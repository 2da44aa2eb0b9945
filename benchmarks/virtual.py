"""An event loop whose time goes on only when nothing is left to do at this moment: hours pass in a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from bulkseg.clock import Clock

T = TypeVar("T")

# In seconds; more than the floats of a simulated week are apart.
HAIR = 1e-9


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._waiting = _Waiting()
        super().__init__(self._waiting)

    def time(self) -> float:
        """Seconds since the loop was made, as its timers have it."""
        return self._waiting.passed


class _Waiting(selectors.DefaultSelector):
    """Counts the seconds that it is asked to wait, and does not wait."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready at this moment. Raises RuntimeError where the loop would wait for ever."""
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("nothing is left to do and nothing to wait for: this would hang")
        if timeout and not ready:
            # A hair more, for whoever waits until a time and finds that floats have left a hair of it.
            self.passed += timeout + HAIR
        return ready


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def clock() -> Clock:
    """The running loop's time; chance is always in the middle."""
    loop = asyncio.get_running_loop()
    return Clock(loop.time, loop.time, asyncio.sleep, lambda: 0.5, lambda: "this boot")
