"""An event loop whose time goes on only when nothing is left to do at this moment: hours pass in a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bulkseg.clock import Clock

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0

    def time(self) -> float:
        """Seconds since the loop was made, as its timers have it."""
        return self._virtual

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]  # asyncio's own names
            self._virtual = max(self._virtual, self._scheduled[0]._when)  # type: ignore[attr-defined]  # noqa: SLF001
        super()._run_once()  # type: ignore[misc]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def clock() -> Clock:
    """The running loop's time; chance is always in the middle."""
    loop = asyncio.get_running_loop()
    return Clock(now=loop.time, monotonic=loop.time, sleep=asyncio.sleep, chance=lambda: 0.5)
