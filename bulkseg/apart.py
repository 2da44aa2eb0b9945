"""Work on an event loop of its own, in a thread of its own: nothing that its caller does can hold it up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop: uvloop's, where it is to be had. It makes a run quicker, not different."""
    try:
        import uvloop  # noqa: PLC0415  # not there on every system
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Apart(Generic[T]):
    """Work that goes on by itself from here on.

    Its thread is no daemon: an interpreter that ends waits for it.

    Args:
        work: makes the coroutine; called in the thread.
        over: called in the thread, last of all; must not raise.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]], over: Callable[[], None]) -> None:
        self.end: Future[T] = Future()
        # So that whoever gives up waiting for it cannot cancel it.
        self.end.set_running_or_notify_cancel()
        self._work = work
        self._over = over
        self._loop = new_loop()
        threading.Thread(target=self._run, name="bulkseg").start()

    def call_soon(self, call: Callable[[], None]) -> None:
        """Has `call` made in the loop of the work, from any thread; not at all once that is over."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        # The end is told when the loop is closed: whoever goes on then finds everything put away.
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                ended = runner.run(self._work())
        except BaseException as error:  # noqa: BLE001  # it is raised where the end is waited for
            self.end.set_exception(error)
        else:
            self.end.set_result(ended)
        finally:
            self._over()
