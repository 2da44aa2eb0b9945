"""Who may come in, and how often: basic authentication, the rate, and creates that are forbidden."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import deque
from email.utils import formatdate
from fractions import Fraction

from bulkseg.clock import Clock
from bulkseg.sandbox.rejections import FORBIDDEN, TOO_MANY_REQUESTS, UNAUTHORIZED, Rejection
from bulkseg.sandbox.settings import COMPANY, PASSWORD, USER, USER_ID, Settings

# What wrong credentials get: from `/id` with status 200, elsewhere with a 401.
NOT_AUTHENTICATED = "Not authenticated."
_CREDENTIALS = b64encode(f"{COMPANY}\\{USER}:{PASSWORD}".encode()).decode()


def signed_in(authorization: str) -> bool:
    r"""Whether the `Authorization` header is ours: `Basic base64(company\user:password)`."""
    scheme, _, credentials = authorization.partition(" ")
    return scheme.lower() == "basic" and credentials.strip() == _CREDENTIALS


def identity(settings: Settings, base: str) -> dict[str, object]:
    """What `/id` says: site, user, and where the API is, with `{version}` to be filled in."""
    return {
        "site": {"id": settings.site_id, "name": COMPANY},
        "user": {"id": str(USER_ID), "username": USER, "displayName": "Demo User"},
        "urls": {"base": base, "apis": {"rest": {"standard": f"{base}/API/REST/{{version}}/"}}},
    }


class RateLimit:
    """Never more than `rate` requests in any second; times are monotonic, in seconds.

    A fractional rate is kept over the seconds that make it whole: 2.5 is 5 in any 2 seconds.
    """

    def __init__(self, rate: float) -> None:
        scaled = Fraction(rate).limit_denominator(100)
        self._most = max(scaled.numerator, 1)
        self._period = scaled.denominator if scaled else 1 / rate
        self._let_in: deque[float] = deque()

    def admits(self, at: float) -> bool:
        """Whether one more may come in now. One that may not is not counted."""
        while self._let_in and at - self._let_in[0] >= self._period:
            self._let_in.popleft()
        if len(self._let_in) >= self._most:
            return False
        self._let_in.append(at)
        return True


class Gate:
    """Lets requests through, or raises Rejection: 401, 429, or 403 for the first creates."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._limit = RateLimit(settings.rate) if settings.rate is not None else None
        self._to_forbid = settings.forbid

    def pass_through(self, authorization: str, *, making: bool) -> None:
        """`making` is for a create or a copy."""
        if not signed_in(authorization):
            raise Rejection(UNAUTHORIZED, NOT_AUTHENTICATED, {"WWW-Authenticate": 'Basic realm="Eloqua"'})
        if self._limit and not self._limit.admits(self._clock.monotonic()):
            raise Rejection(TOO_MANY_REQUESTS, headers=self._retry_after())
        if making and self._to_forbid > 0:
            self._to_forbid -= 1
            raise Rejection(FORBIDDEN)

    def _retry_after(self) -> dict[str, str]:
        seconds = self._settings.retry_after
        if seconds is None:
            return {}
        if self._settings.retry_after_as_date:
            # A date has whole seconds: rounded up, or the wait would come out too short.
            return {"Retry-After": formatdate(math.ceil(self._clock.now()) + seconds, usegmt=True)}
        return {"Retry-After": str(seconds)}
