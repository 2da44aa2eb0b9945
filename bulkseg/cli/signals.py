"""SIGINT and SIGTERM during a run: the first one drains, the second one ends at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal came while a question stood open. Of this kind because asyncio lets no other one through."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by {signal.Signals(signum).name}; nothing was sent")
        self.signum = signum


def end_at_once(signum: int) -> None:
    """No clean-up: the checkpoint is right whenever a process dies, as it is after SIGKILL."""
    os._exit(128 + signum)


class Signals:
    """Takes the signals while it is entered, and gives them back as they were.

    These are Python's own handlers and not the event loop's, which would not come through while a question at
    the terminal holds up the loop.

    Args:
        asking: whether a question stands open; then a signal raises Interrupted.
        drain: told the first signal's number, from within the handler: it has to be quick, and safe there.
        leave: told the second one's; does not return.
    """

    def __init__(
        self,
        *,
        asking: Callable[[], bool],
        drain: Callable[[int], None],
        leave: Callable[[int], None],
    ) -> None:
        self._asking = asking
        self._drain = drain
        self._leave = leave
        self._drained = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {signum: signal.signal(signum, self._handle) for signum in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        if self._asking():
            raise Interrupted(signum)
        if self._drained:
            self._leave(signum)
        self._drained = True
        self._drain(signum)
