"""The sandbox's OAuth 2.0: refresh tokens that are good once, access tokens that come to an end.

It plays the endpoints `/auth/oauth2/token` and `/auth/oauth2/authorize`, and says whether an access token is
good. What it gave is forgotten when it ends: a sandbox that is started anew knows no token.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from bulkseg.clock import Clock
from bulkseg.sandbox.rejections import BAD_REQUEST, TOO_MANY_REQUESTS, UNAUTHORIZED, Rejection
from bulkseg.sandbox.settings import CLIENT_ID, CLIENT_SECRET, COMPANY, PASSWORD, USER, Settings

# Oracle: at most one password grant a minute for a user and an application; in seconds.
PASSWORD_GRANTS_APART = 60.0

_CLIENT = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


class OAuth:
    """Who has which token. `refresh_token` is the one that is good now; `asked` lists the types of grants."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.refresh_token = token_urlsafe()
        self.asked: list[str] = []
        self._access = ""
        self._good_until = 0.0
        self._uses = 0
        self._codes: dict[str, str] = {}
        self._password_at = float("-inf")

    def lets_in(self, token: str, *, counted: bool = True) -> bool:
        """Whether this access token is good; the uses of one are `counted` where they are limited."""
        if not self._access or token != self._access or self._clock.monotonic() >= self._good_until:
            return False
        self._uses += counted
        return self._settings.token_uses is None or self._uses <= self._settings.token_uses

    def authorize(self, query: dict[str, str]) -> str:
        """Where the user, who always agrees, is sent: the redirect URI with a code. Raises Rejection."""
        redirect = query.get("redirect_uri", "")
        if query.get("client_id") != CLIENT_ID or query.get("response_type") != "code" or not redirect:
            raise _denied("invalid_request", "client_id, response_type and redirect_uri are required")
        code = token_urlsafe()
        self._codes[code] = redirect
        return f"{redirect}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def grant(self, authorization: str, body: bytes, content_type: str) -> dict[str, Any]:
        """The tokens that a request is given. Raises Rejection: 400, 401, or 429 for a second password."""
        if authorization.partition(" ")[2].strip() != _CLIENT:
            raise _denied("invalid_client", "the client is not known", UNAUTHORIZED)
        form = _form(body, content_type)
        kind = str(form.get("grant_type", ""))
        self.asked.append(kind)
        proved: dict[str, Callable[[dict[str, Any]], bool]] = {
            "refresh_token": self._has_token,
            "password": self._has_password,
            "authorization_code": self._has_code,
        }
        if kind not in proved:
            raise _denied("unsupported_grant_type", f"{kind!r} is not supported")
        if not proved[kind](form):
            raise _denied("invalid_grant", "the authorization grant or refresh token is not valid")
        return self._tokens()

    def _tokens(self) -> dict[str, Any]:
        self._access, self.refresh_token = token_urlsafe(), token_urlsafe()
        life = float(self._settings.token_life)
        self._good_until = self._clock.monotonic() + life
        self._uses = 0
        return {
            "access_token": self._access,
            "token_type": "bearer",
            "expires_in": int(life) if life.is_integer() else life,
            "refresh_token": self.refresh_token,
        }

    def _has_token(self, form: dict[str, Any]) -> bool:
        return form.get("refresh_token") == self.refresh_token

    def _has_password(self, form: dict[str, Any]) -> bool:
        now = self._clock.monotonic()
        if now - self._password_at < PASSWORD_GRANTS_APART:
            raise _denied("slow_down", "one password grant a minute", TOO_MANY_REQUESTS)
        self._password_at = now
        return (form.get("username"), form.get("password")) == (f"{COMPANY}\\{USER}", PASSWORD)

    def _has_code(self, form: dict[str, Any]) -> bool:
        redirect = self._codes.pop(str(form.get("code", "")), None)
        return redirect is not None and form.get("redirect_uri") == redirect


def _form(body: bytes, content_type: str) -> dict[str, Any]:
    """JSON, as Oracle's examples have it; or a form, as RFC 6749 has it."""
    if content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise _denied("invalid_request", "the body is no JSON object")
    return found


def _denied(error: str, description: str, status: int = BAD_REQUEST) -> Rejection:
    return Rejection(status, {"error": error, "error_description": description})
