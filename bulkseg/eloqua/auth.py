"""What a request shows to be let in: company, user and password, or an access token that is kept alive."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import orjson

from bulkseg.clock import Clock
from bulkseg.eloqua.discovery import at_a_terminal
from bulkseg.eloqua.oauth import (
    Denied,
    Grant,
    Granted,
    Unanswered,
    client_headers,
    grant_of,
    password_form,
    refresh_form,
    to_its_end,
    token_url,
)
from bulkseg.eloqua.sites import OAuth, Site
from bulkseg.eloqua.sources import prefix_of
from bulkseg.eloqua.tokens import TokenFile, Tokens, TokenStore, digest
from bulkseg.eloqua.transport import Transport
from bulkseg.errors import BulksegError, ConfigError, ServerGone, SignInRefused, Stopped
from bulkseg.redact import secrets

# Oracle: at most one password grant a minute for a user and an application.
PASSWORD_GRANTS_APART = 60.0
# Seconds that making sure may take before a token that is good once leaves; longer, and it is done again.
STOOD_STILL = 10.0
# Seconds between a refresh whose answer was lost and its second try.
SECOND_TRY = 1.0


class Auth(Protocol):
    """One way to authenticate.

    `new` says that the headers are as new as can be: if they are refused at once, others will be too.
    """

    @property
    def new(self) -> bool:
        """See above."""

    async def headers(self) -> Mapping[str, str]:
        """The headers to send with a request, each time the same mapping while they stay good.

        Raises:
            Stopped: there are none to be had.
        """

    async def renew(self) -> bool:
        """To be called when headers were refused. True: there are others, which may do.

        Raises:
            Stopped: there are none to be had.
        """


class BasicAuth:
    r"""Basic authentication, as Eloqua wants it: `company\user:password` (RFC 7617, UTF-8)."""

    __slots__ = ("_headers",)
    new = False

    def __init__(self, site: Site) -> None:
        pair = f"{site.company}\\{site.user}:{site.password.get_secret_value()}"
        token = base64.b64encode(pair.encode()).decode("ascii")
        secrets.learn(token)
        self._headers = {"Authorization": f"Basic {token}"}

    async def headers(self) -> Mapping[str, str]:
        """The one header, made once."""
        return self._headers

    async def renew(self) -> bool:
        """What was refused is all there is."""
        return False


class TokenAuth:
    """OAuth 2.0: an access token that is kept, or a new one, for all requests of this process.

    However many find out that it has come to its end, they wait for one renewal; what that one ended with is
    what they all get. After a renewal that was refused, nothing is asked again; one that nobody answered is
    tried anew by whoever comes later.
    """

    def __init__(self, site: Site, oauth: OAuth, transport: Transport, clock: Clock) -> None:
        self._site = site
        self._oauth = oauth
        self._transport = transport
        self._clock = clock
        self._store = store_of(site, oauth)
        self._tokens: Tokens | None = None
        self._kept = Tokens(oauth.client_id, site.login_url)
        self._headers: Mapping[str, str] = {}
        self.new = False
        self._renewal: asyncio.Task[None] | None = None
        self._failed: BulksegError | None = None

    async def headers(self) -> Mapping[str, str]:
        """The access token, renewed some time before its end."""
        if self._tokens is None or self._tokens.good_until <= self._clock.now():
            await self._renewed()
        return self._headers

    async def renew(self) -> bool:
        """Another access token: from another process that shares what is kept, or by a grant."""
        await self._renewed()
        return True

    async def _renewed(self) -> None:
        if self._failed is not None:
            raise self._failed
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        await to_its_end(self._renewal)

    async def _renew(self) -> None:
        refused = "" if self._tokens is None else self._tokens.access
        try:
            async with self._store.held(self._clock):
                kept = await asyncio.to_thread(self._store.read)
                start = begin(kept, self._site, self._oauth, str(self._store))
                self._kept = kept or start
                # Another process may have been here before us: then what it got is there for us too.
                alive = start.access != refused and self._is_alive(start)
                self._take(start if alive else await self._granted(start), new=not alive)
        except BulksegError as error:
            # In the middle of a run there is only one way to end it, whatever is wrong with what is kept.
            in_words = isinstance(error, Stopped) or self._tokens is None
            failed = error if in_words else SignInRefused(str(error))
            self._failed = None if isinstance(failed, ServerGone) else failed
            raise failed from None

    def _is_alive(self, tokens: Tokens) -> bool:
        return bool(tokens.access) and tokens.good_until > self._clock.now()

    def _take(self, tokens: Tokens, *, new: bool) -> None:
        self._tokens, self.new = tokens, new
        self._headers = {"Authorization": f"Bearer {tokens.access}"}

    async def _granted(self, start: Tokens) -> Tokens:
        """By the refresh token; by the password, where there is one, if that does not do or is none."""
        if not start.refresh:
            return await self._by_password(start)
        grant = await self._rotate(start)
        if isinstance(grant, Denied) and (later := await self._brought_later()) is not None:
            return later if self._is_alive(later) else await self._granted(later)
        match grant:
            case Granted():
                return await self._keep(start, grant)
            case Denied(grant=False):
                raise self._refused(f"{grant.error}; check client id and client secret")
            case Denied():
                if self._site.has_password:
                    return await self._by_password(start)
                raise self._refused(
                    f"{grant.error}; the refresh token does not do (any more): {at_a_terminal(self._site)}"
                )
            case _ if not grant.spent:
                raise self._gone(grant.error)
            case _ if self._site.has_password:
                return await self._by_password(start)
            case _:
                raise self._refused(
                    f"{grant.error}, twice, to a refresh token that is good once: run again, and if it is"
                    f" refused then, {at_a_terminal(self._site)}"
                )

    async def _rotate(self, start: Tokens) -> Grant:
        """Exchanges the refresh token; once more with the same one where the answer was lost."""
        form = refresh_form(self._oauth, start.refresh)
        first = await self._spend(form)
        if not isinstance(first, Unanswered):
            return first
        await self._clock.sleep(SECOND_TRY)
        second = await self._spend(form)
        if not isinstance(second, Unanswered):
            return second
        return Unanswered(second.error, spent=first.spent or second.spent)

    async def _spend(self, form: dict[str, str]) -> Grant:
        """Sends a token that is good once, but not long after it was made sure that it may be."""
        while True:
            since = self._clock.monotonic()
            await asyncio.to_thread(self._store.ready, self._kept)
            if self._clock.monotonic() - since < STOOD_STILL:
                return await self._ask(form)

    async def _brought_later(self) -> Tokens | None:
        """What another process, that had lost its hold, has put there while ours was being refused."""
        later = await asyncio.to_thread(self._store.read)
        if later is None or later.refresh == self._kept.refresh:
            return None
        self._kept = later
        return later

    async def _by_password(self, start: Tokens) -> Tokens:
        if not self._site.has_password:
            raise self._refused(
                f"nothing is kept in {self._store}, and no refresh token is set to begin with: "
                f"set {prefix_of(self._site.name)}REFRESH_TOKEN"
            )
        since = self._clock.now() - start.password_at
        if 0 <= since < PASSWORD_GRANTS_APART:
            await self._clock.sleep(PASSWORD_GRANTS_APART - since)
        now = self._clock.now()
        await asyncio.to_thread(self._store.write, replace(self._kept, password_at=now))
        grant = await self._ask(password_form(self._site))
        if isinstance(grant, Granted):
            return await self._keep(replace(start, password_at=now), grant)
        if isinstance(grant, Denied):
            raise self._refused(f"{grant.error}; check company, user, password, client id and client secret")
        raise self._gone(grant.error)

    async def _ask(self, form: dict[str, str]) -> Grant:
        now = self._clock.now()
        reply = await self._transport.request(
            "POST", token_url(self._site), client_headers(self._oauth), orjson.dumps(form)
        )
        return grant_of(reply, now)

    async def _keep(self, start: Tokens, grant: Granted) -> Tokens:
        tokens = replace(
            start,
            access=grant.access,
            refresh=grant.refresh or start.refresh,
            good_until=grant.good_until,
        )
        await asyncio.to_thread(self._store.write, tokens)
        return tokens

    def _refused(self, why: str) -> SignInRefused:
        return SignInRefused(f"sign-in refused for {self._site.label}: {why}")

    def _gone(self, why: str) -> ServerGone:
        return ServerGone(f"no token from {token_url(self._site)}: {why}; try again later")


def store_of(site: Site, oauth: OAuth) -> TokenStore:
    """Where the tokens are kept: in the database of a fleet, or in the file. Raises ConfigError."""
    if oauth.token_database is None:
        return TokenFile(oauth.token_file)
    from bulkseg.eloqua.tokentable import TokenTable  # noqa: PLC0415  # needs the extra `fleet`

    return TokenTable(oauth.token_database, site.name or "default", oauth.client_id, site.login_url)


def begin(kept: Tokens | None, site: Site, oauth: OAuth, where: str) -> Tokens:
    """What a renewal begins with: what is kept, unless the given refresh token was changed since.

    `where` is what a message calls the place that it is kept in.

    Raises:
        ConfigError: what is kept belongs to another client or another login address.
    """
    given = oauth.refresh_token.get_secret_value() if oauth.refresh_token else ""
    seed = digest(given) if given else ""
    if kept is None:
        return Tokens(oauth.client_id, site.login_url, refresh=given, seed=seed)
    if (kept.client_id, kept.login_url) != (oauth.client_id, site.login_url):
        raise ConfigError(
            f"{where} was made for client {kept.client_id} at {kept.login_url}, and"
            " holds tokens that are good once: name another file with ELOQUA_TOKEN_FILE, or delete it"
        )
    if seed and seed != kept.seed:
        return replace(kept, refresh=given, seed=seed, access="", good_until=0.0)
    return kept
