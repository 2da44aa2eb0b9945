"""Who may come in, where, and how often: sign-in, a site that moves, the rate, creates that are forbidden."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import deque
from email.utils import formatdate
from fractions import Fraction

from bulkseg.clock import Clock
from bulkseg.sandbox.oauth import OAuth
from bulkseg.sandbox.rejections import FORBIDDEN, TOO_MANY_REQUESTS, UNAUTHORIZED, Rejection
from bulkseg.sandbox.settings import COMPANY, PASSWORD, USER, USER_ID, Settings

# What wrong credentials get: from `/id` with status 200, elsewhere with a 401.
NOT_AUTHENTICATED = "Not authenticated."
_CREDENTIALS = b64encode(f"{COMPANY}\\{USER}:{PASSWORD}".encode()).decode()


# Where a site that has moved answers: under this path, as if it were another host.
MOVED = "/moved"


def signed_in(authorization: str) -> bool:
    r"""Whether the `Authorization` header is ours: `Basic base64(company\user:password)`."""
    scheme, _, credentials = authorization.partition(" ")
    return scheme.lower() == "basic" and credentials.strip() == _CREDENTIALS


def token_in(authorization: str) -> str:
    """The access token of a header that has one, or an empty string."""
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def identity(settings: Settings, base: str) -> dict[str, object]:
    """What `/id` says: site, user, and where the API is, with `{version}` to be filled in."""
    return {
        "site": {"id": settings.site_id, "name": COMPANY},
        "user": {"id": str(USER_ID), "username": USER, "displayName": "Demo User"},
        "urls": {
            "base": base,
            "apis": {
                "rest": {
                    "standard": f"{base}/API/REST/{{version}}/",
                    "bulk": f"{base}/API/Bulk/{{version}}/",
                }
            },
        },
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

    def __init__(self, settings: Settings, clock: Clock, oauth: OAuth) -> None:
        self._settings = settings
        self._clock = clock
        self._oauth = oauth
        self._came = 0
        self._limit = RateLimit(settings.rate) if settings.rate is not None else None
        self._to_forbid = settings.forbid

    @property
    def base(self) -> str:
        """The path under which the API is now."""
        return MOVED if _passed(self._came, self._settings.move_after) else ""

    def knows(self, authorization: str, *, counted: bool = False) -> bool:
        """Whether these credentials are good; one use of a token may be `counted`."""
        return signed_in(authorization) or self._oauth.lets_in(token_in(authorization), counted=counted)

    def pass_through(self, authorization: str, *, making: bool, base: str = "") -> None:
        """`making` is for a create or a copy; `base` is the path before that of the API."""
        locked = _passed(self._came, self._settings.lock_after)
        if locked or base != self.base or not self.knows(authorization, counted=True):
            raise Rejection(UNAUTHORIZED, NOT_AUTHENTICATED, {"WWW-Authenticate": 'Basic realm="Eloqua"'})
        self._came += 1
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


def _passed(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
