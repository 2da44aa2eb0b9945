"""The requests under way: they leave in bursts, and one timer for all gives up those that are overdue.

Both are a matter of speed (`benchmarks`, throughput). Each write wakes whoever reads at the other end; with
Python at work between two of them that one has gone back to sleep each time, and the machine does little else
than wake it. And a timer is set for every request, while hardly any of them goes off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

import aiohttp
from aiohttp.client_proto import ResponseHandler

from bulkseg.eloqua.breaks import NotPermitted, Unasked

# How often it is looked for overdue requests: in parts of their time, and in seconds at the most.
_PART, _LONGEST = 0.1, 1.0


class Flight:
    """One request under way. One that has not `wrote` has sent nothing.

    `ready` is all that is to be written, None where that is left to aiohttp.

    `wrote` turns true just before the first byte can leave, if it `may`; none leaves once it is `over`.
    `response` is there once there is a connection that it can come by.
    """

    __slots__ = ("burst", "may", "over", "ready", "response", "wrote")

    def __init__(self, burst: Burst, may: Callable[[], bool]) -> None:
        self.burst = burst
        self.may = may
        self.ready: bytes | None = None
        self.wrote = False
        self.over = False
        self.response: aiohttp.ClientResponse | None = None

    def take_off(self) -> None:
        """From now on it may have left.

        Raises:
            NotPermitted: it must not, and has not.
        """
        if not self.may():
            raise NotPermitted("the lease on the checkpoint could not be renewed in time")
        self.wrote = True

    def give_up(self) -> None:
        """Raises a TimeoutError where its answer, or the rest of that, is waited for.

        Until there is a connection, the time-out to connect holds.
        """
        connection = None if self.response is None else self.response.connection
        if self.response is None or connection is None or connection.protocol is None:
            return
        content: aiohttp.StreamReader | None = self.response.content
        if content is None:
            connection.protocol.set_exception(TimeoutError())
        elif not content.is_eof():
            content.set_exception(TimeoutError())


# The one of the running task, which has no other until its request has come to an end.
current: ContextVar[Flight] = ContextVar("current")


class Burst:
    """What is to be written at the end of this turn of the event loop: a lone one waits for no company."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Flight, ResponseHandler, bytes]] = []

    def add(self, flight: Flight, connection: ResponseHandler, request: bytes) -> None:
        """Has a whole request written to a connection that has nothing else to write."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._leave)
        self._waiting.append((flight, connection, request))

    def _leave(self) -> None:
        waiting, self._waiting = self._waiting, []
        for flight, connection, request in waiting:
            try:
                _write(flight, connection, request)
            except Exception as error:  # noqa: BLE001  # whose request it is, is told; the others go on
                connection.set_exception(error)


def _write(flight: Flight, connection: ResponseHandler, request: bytes) -> None:
    transport = connection.transport
    # A connection that is being closed tells whoever waits for its answer by itself.
    if not flight.over and transport is not None and not transport.is_closing():
        refuse_unasked(connection)
        flight.take_off()
        transport.write(request)
        if connection.writing_paused:
            # Its server may answer without ever reading this: no other request, and no end, waits for that.
            connection.force_close()


def refuse_unasked(connection: ResponseHandler) -> None:
    """Raises Unasked where something has come already: it would be taken for the answer to what comes now."""
    if connection.should_close:
        raise Unasked


class UnderWay:
    """All flights of a transport. Each has the same time, in seconds, and at most a tenth of it more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._every = min(_LONGEST, _PART * seconds)
        self._loop = asyncio.get_running_loop()
        self._due: dict[Flight, float] = {}  # the one that is due first comes first
        self._looking = False

    def begin(self, flight: Flight) -> None:
        """Its time runs, and it is the running task's."""
        current.set(flight)
        self._due[flight] = self._loop.time() + self._seconds
        if not self._looking:
            self._look()

    def end(self, flight: Flight) -> None:
        """However it has ended; nothing of it leaves any more."""
        flight.over = True
        del self._due[flight]

    def _look(self) -> None:
        now = self._loop.time()
        self._looking = bool(self._due)
        if self._looking:  # set before anything can go wrong: without it nobody would be given up any more
            self._loop.call_later(self._every, self._look)
        for flight in [one for one, due in self._due.items() if due <= now]:
            flight.give_up()
