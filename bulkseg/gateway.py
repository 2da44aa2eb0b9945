"""Everything that goes to the site passes here: it is counted, and what its answer says is heeded.

One 429, one silence or one refused sign-in concerns all requests alike, whichever spec or search it met.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from bulkseg.clock import Clock
from bulkseg.errors import ServerGone, Stopped
from bulkseg.health import Health
from bulkseg.model import Answer, InDoubt, LoggedOut, NotSent, Outcome, Reply, Spec, Throttled
from bulkseg.observe import Observer, Tally
from bulkseg.outcome import MAX_THROTTLED, backoff, judge, judge_idempotent
from bulkseg.stop import Stop


class Server(Protocol):
    """What is asked of the API client. It never raises for the network."""

    async def send(self, spec: Spec) -> Reply:
        """One create or copy request.

        Raises:
            Stopped: we are not let in any more, or a stop was asked for; nothing has left.
        """

    async def rediscover(self) -> bool:
        """Signs in again after a 401; True if it is worth asking again.

        Raises:
            SignInRefused: there is nothing left to try.
            ServerGone: nobody answers there for now.
        """


class Speed(Protocol):
    """What is asked of the pace."""

    @property
    def allowed(self) -> float:
        """The present rate, in requests a second."""

    @property
    def why(self) -> str:
        """Why it is lower than the job's rate, or empty."""

    async def turn(self) -> None:
        """Returns when one more request may leave."""

    def try_turn(self) -> bool:
        """Takes a turn where nobody has to wait for one; whether it did."""

    def pause(self, seconds: float, why: str) -> None:
        """Nothing leaves for so many seconds."""

    def accepted(self) -> None:
        """The server bore a request."""

    def throttled(self, left_at: float, retry_after: float | None) -> bool:
        """A 429 came; True if it begins a new burst."""


class InVain:
    """When to give up a request that other answers show no end of: those count for the server's health."""

    def __init__(self, clock: Clock, give_up_after: float) -> None:
        self._clock = clock
        self._give_up_after = give_up_after
        self._since: float | None = None
        self._throttled = 0

    def after(self, outcome: Outcome) -> ServerGone | None:
        """Why to give up now that this said nothing either. A pause that was asked for is no time lost."""
        now = self._clock.monotonic()
        if isinstance(outcome, Throttled):
            self._since = None
            self._throttled += 1
            if self._throttled < MAX_THROTTLED:
                return None
            return ServerGone(
                f"the server said 429 (too many requests) {self._throttled} times; run again later"
            )
        self._since = now if self._since is None else self._since
        if now - self._since < self._give_up_after:
            return None
        last = outcome.error if isinstance(outcome, (InDoubt, NotSent)) else "not let in"
        return ServerGone(
            f"the same request had no answer of use for {self._give_up_after:g} s (give_up_after), at last:"
            f" {last}; run again"
        )


class Gateway:
    """One site, as the dispatcher and whoever reads beside it see it."""

    def __init__(
        self,
        *,
        server: Server,
        pace: Speed,
        health: Health,
        observer: Observer,
        tally: Tally,
        clock: Clock,
        stop: Stop,
    ) -> None:
        self._server = server
        self._pace = pace
        self._health = health
        self._observer = observer
        self._tally = tally
        self._clock = clock
        self._stop = stop
        self._renewing = asyncio.Lock()
        self._asked_at = float("-inf")

    async def turn(self) -> None:
        """Returns when one more request may leave."""
        await self._pace.turn()

    def try_turn(self) -> bool:
        """Takes a turn where nobody has to wait for one; whether it did."""
        return self._pace.try_turn()

    async def send(self, spec: Spec) -> Outcome:
        """Sends a create or a copy, once, for somebody who has waited for the turn."""
        if self._stop.requested:
            # Handed over in the moment in which the stop was not known to everybody yet.
            return NotSent(self._stop.why or "stopped")
        left_at = self._clock.monotonic()
        self._tally.sent += 1
        try:
            reply = await self._server.send(spec)
        except Stopped as error:
            self._tally.sent -= 1
            self._stop.fail(error)
            return NotSent(str(error))
        outcome = judge(spec, reply)
        await self._heed(outcome, left_at)
        return outcome

    async def ask(self, request: Callable[[], Awaitable[Reply]]) -> Answer:
        """Makes a request that may be made again (a read, a delete) until there is an answer to it.

        Gives whatever says something about what was asked for: a 200, a 404, a 412 and the like.

        Raises:
            ServerGone: none came that says anything, for too long.
            Stopped: a stop was asked for meanwhile.
        """
        tries = 0
        in_vain = InVain(self._clock, self._health.give_up_after)
        self.look()
        while True:
            self._stop.check()
            outcome = await self.once(request)
            if isinstance(outcome, Answer):
                return outcome
            self.look()
            tries += 1
            if (error := in_vain.after(outcome)) is not None:
                self._stop.fail(error)
                raise error
            await self._stop.or_else(self._clock.sleep(backoff(tries, self._clock.chance())))

    async def once(self, request: Callable[[], Awaitable[Reply]]) -> Answer | Outcome:
        """Makes a request, of whatever kind, one time; gives its answer, or what became of it.

        Raises:
            Stopped: we are not let in any more, or a stop was asked for; nothing has left.
        """
        await self._stop.or_else(self._pace.turn())
        self._stop.check()
        left_at = self._clock.monotonic()
        self._tally.searches += 1
        try:
            reply = await request()
        except Stopped as error:
            self._stop.fail(error)
            raise
        outcome = judge_idempotent(reply)
        if isinstance(outcome, Answer):
            self._bore()
        else:
            await self._heed(outcome, left_at)
        return outcome

    def look(self) -> None:
        """Brings the tally up to date, and stops the run where going on is pointless; to be called often."""
        self._tally.allowed, self._tally.why = self._pace.allowed, self._pace.why
        error = self._health.verdict()
        if error is not None:
            self._stop.fail(error)

    async def _heed(self, outcome: Outcome, left_at: float) -> None:
        match outcome:
            case NotSent():
                self._silence(left_at, outcome.error, connected=False)
            case InDoubt() if not outcome.answered:
                self._silence(left_at, outcome.error, connected=True, request_id=outcome.request_id)
                self._pace.pause(outcome.retry_after or 0.0, "the server asked to wait")
            case Throttled():
                self._tally.throttled += 1
                self._answered()
                if self._pace.throttled(left_at, outcome.retry_after):
                    rate = round(self._pace.allowed, 2)
                    self._observer.notice("throttled", rate=rate, request_id=outcome.request_id)
            case LoggedOut():
                await self._sign_in(left_at)
            case _:
                self._bore()

    def _bore(self) -> None:
        self._answered()
        self._pace.accepted()

    def _answered(self) -> None:
        if self._health.answered():
            self._observer.notice("server_back")

    def _silence(self, left_at: float, error: str, *, connected: bool, request_id: str | None = None) -> None:
        wait = self._health.silent(left_at, connected=connected)
        away = self._health.to_tell()
        if away is not None:
            told = {"error": error, "seconds": round(away), "request_id": request_id}
            self._observer.notice("server_silent", **told)
        if wait is not None:
            self._pace.pause(wait, "the server does not answer")

    async def _sign_in(self, left_at: float) -> None:
        """One new sign-in for all requests that found out that the last one has come to its end."""
        async with self._renewing:
            if self._stop.requested or left_at <= self._asked_at:
                return
            asking_at = self._clock.monotonic()
            try:
                await self._server.rediscover()
            except ServerGone as error:
                # No answer to the request was worth anything: as if the site itself were away.
                self._silence(asking_at, str(error), connected=False)
            except Stopped as error:
                self._stop.fail(error)
            else:
                self._bore()
            self._asked_at = self._clock.monotonic()
