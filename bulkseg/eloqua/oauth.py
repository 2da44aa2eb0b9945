"""The token endpoint's requests and answers. Pure functions, but for the one that sends.

Sources: "Authenticate using OAuth 2.0" in Oracle's Eloqua developer help; RFC 6749, 4.1 to 6. Client id and
secret go as basic authentication, the rest as JSON. There is no client-credentials grant.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from yarl import URL

from bulkseg.answers import load
from bulkseg.eloqua.sites import OAuth, Site
from bulkseg.faults import read_errors
from bulkseg.model import NoAnswer, Reply
from bulkseg.redact import secrets

T = TypeVar("T")

# An access token is renewed so long before its end, in seconds, or a tenth of its life if that is less.
MARGIN = 300.0
# Its life, in seconds, where an answer does not say it.
DOCUMENTED_LIFE = 8 * 3600.0

# What may stand in an Authorization header (RFC 6750 asks for less).
_TOKEN = re.compile(r"[\x21-\x7e]+")
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True, repr=False)
class Granted:
    """Tokens. `refresh` is empty where none came; `good_until` is Unix time."""

    access: str
    refresh: str
    good_until: float


@dataclass(frozen=True, slots=True)
class Denied:
    """The server said no. `grant` is True where it is the token, code or password that it does not take."""

    error: str
    grant: bool


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No tokens came. `spent` is False where what was sent is certainly as good as before."""

    error: str
    spent: bool


Grant = Granted | Denied | Unanswered


def refresh_form(oauth: OAuth, token: str) -> dict[str, str]:
    """What a refresh token is exchanged with."""
    return {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "scope": "full",
        "redirect_uri": oauth.redirect_uri,
    }


def password_form(site: Site) -> dict[str, str]:
    """What company, user and password are exchanged with."""
    return {
        "grant_type": "password",
        "scope": "full",
        "username": f"{site.company}\\{site.user}",
        "password": site.password.get_secret_value(),
    }


def code_form(oauth: OAuth, code: str) -> dict[str, str]:
    """What the code of a sign-in at a terminal is exchanged with."""
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": oauth.redirect_uri}


def authorize_url(site: Site, oauth: OAuth, state: str) -> str:
    """Where a person says yes; `state` comes back with the code."""
    query = {
        "response_type": "code",
        "client_id": oauth.client_id,
        "redirect_uri": oauth.redirect_uri,
        "scope": "full",
        "state": state,
    }
    return f"{site.login_url}/auth/oauth2/authorize?{urlencode(query)}"


def token_url(site: Site) -> URL:
    """Where tokens are given."""
    return URL(f"{site.login_url}/auth/oauth2/token")


def client_headers(oauth: OAuth) -> dict[str, str]:
    """Client id and secret, as basic authentication."""
    pair = f"{oauth.client_id}:{oauth.client_secret.get_secret_value()}"
    token = base64.b64encode(pair.encode()).decode("ascii")
    secrets.learn(token)
    return {"Authorization": f"Basic {token}"}


def grant_of(reply: Reply, now: float) -> Grant:
    """What the token endpoint's reply says; `now` is Unix time before the request was sent."""
    if isinstance(reply, NoAnswer):
        return Unanswered(reply.error, spent=reply.left)
    document = load(reply.body) if reply.whole else None
    found: dict[str, Any] = document if isinstance(document, dict) else {}
    status = reply.status
    if status == 200:  # noqa: PLR2004  # HTTP's OK
        return _granted(found, now) or Unanswered("what came is no token", spent=True)
    said = _words(found) or read_errors(status, reply.body)
    if status == 429:  # noqa: PLR2004  # HTTP's "too many requests"
        return Unanswered(said, spent=False)
    if status == 408 or status >= 500 or status < 300:  # noqa: PLR2004  # whatever may follow work done
        return Unanswered(said, spent=True)
    return Denied(said, grant=found.get("error") == "invalid_grant")


def _granted(found: dict[str, Any], now: float) -> Granted | None:
    access, refresh = found.get("access_token"), found.get("refresh_token", "")
    if not (isinstance(access, str) and _TOKEN.fullmatch(access) and isinstance(refresh, str)):
        return None
    secrets.learn(access, refresh)
    return Granted(access, refresh, _good_until(found.get("expires_in"), now))


def _good_until(expires_in: object, now: float) -> float:
    """By our clock, less the margin. Where it turns out to be sooner, a 401 tells."""
    try:
        life = float(expires_in) if isinstance(expires_in, (int, float, str)) else 0.0
    except ValueError:
        life = 0.0
    if not 0 < life < float("inf"):
        life = DOCUMENTED_LIFE
    return now + life - min(MARGIN, life / 10)


def _words(found: dict[str, Any]) -> str:
    """`invalid_grant: the words for it`, on one line."""
    parts = [found.get("error"), found.get("error_description")]
    words = ": ".join(part for part in parts if isinstance(part, str) and part)
    return secrets.text(" ".join(words.split()))[:_LONGEST_WORDS]


async def to_its_end(work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T:
    """Awaits `work`, and lets it come to its end though the one who waits is cancelled.

    An answer that is thrown away would take with it a refresh token that is good once.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        task.exception()  # looked at, or asyncio would complain that nobody did
        raise asyncio.CancelledError
    return task.result()
