"""The sign-in of somebody at a terminal: OAuth 2.0's authorization code, and the token file that comes of it.

Source: RFC 6749, 4.1, and "Authenticate using OAuth 2.0" in Oracle's Eloqua developer help. The code comes
back over a loopback port where the app's callback leads there (RFC 8252, 7.3), or is pasted.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import orjson
from aiohttp import web
from yarl import URL

from bulkseg.clock import Clock
from bulkseg.eloqua.addresses import is_loopback
from bulkseg.eloqua.auth import store_of
from bulkseg.eloqua.oauth import Granted, client_headers, code_form, grant_of, to_its_end, token_url
from bulkseg.eloqua.sites import OAuth, Site
from bulkseg.eloqua.tokens import Tokens, digest
from bulkseg.eloqua.transport import open_transport
from bulkseg.errors import SignInRefused
from bulkseg.redact import secrets

_DONE = "bulkseg has what it needs: this page can be closed.\n"
_NOT_OURS = "This does not belong to the sign-in that bulkseg waits for.\n"
# For one request, in seconds.
_TIMEOUT = 30.0


def code_of(pasted: str, state: str) -> str:
    """The code in what a person pasted: the whole address that the browser was sent to, or the code alone.

    Raises:
        SignInRefused: it is of another sign-in, it says no, or it is empty.
    """
    pasted = pasted.strip()
    if "://" not in pasted and "code=" not in pasted:
        return _learnt(pasted)
    try:
        query = URL(pasted).query if "://" in pasted else URL(f"?{pasted.lstrip('?')}").query
    except ValueError:
        raise SignInRefused("what was pasted is no address; start again") from None
    return code_in(query, state)


def code_in(query: Mapping[str, str], state: str) -> str:
    """The code in the query with which the browser came back. Raises SignInRefused as `code_of`."""
    # Compared in constant time, and before anything else is believed.
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        raise SignInRefused("the answer belongs to another sign-in (its state is not ours); start again")
    if "error" in query:
        words = " ".join(f"{query['error']} {query.get('error_description', '')}".split())
        raise SignInRefused(f"the sign-in was refused: {words[:200]}")
    return _learnt(query.get("code", ""))


def listens(oauth: OAuth) -> bool:
    """Whether the callback leads to this machine, where it can be waited for."""
    uri = URL(oauth.redirect_uri)
    return uri.scheme == "http" and is_loopback(uri.host or "")


@asynccontextmanager
async def listening(oauth: OAuth, state: str) -> AsyncIterator[asyncio.Future[str]]:
    """Waits at the callback for as long as the context lasts; gives the code to come, or SignInRefused.

    What comes with another state is turned away and waited on.

    Raises:
        OSError: the port is taken.
    """
    uri = URL(oauth.redirect_uri)
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        query = request.query
        ours = hmac.compare_digest(query.get("state", "").encode(), state.encode())
        if request.path.rstrip("/") != uri.path.rstrip("/") or not ours:
            return web.Response(status=400, text=_NOT_OURS)
        if not came.done():
            try:
                came.set_result(code_in(query, state))
            except SignInRefused as error:
                came.set_exception(error)
        return web.Response(text=_DONE)

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, uri.host, uri.port).start()
        yield came
    finally:
        await runner.cleanup()
        came.cancel()


async def exchange(site: Site, oauth: OAuth, code: str, clock: Clock) -> None:
    """Gets tokens for the code, and puts them in the token file in place of what was there.

    Raises:
        SignInRefused: the code does not do, or no answer came; a code is good once.
        ConfigError, StorageFull: the token file cannot be written.
    """
    await to_its_end(_exchange(site, oauth, code, clock))


async def _exchange(site: Site, oauth: OAuth, code: str, clock: Clock) -> None:
    store = store_of(site, oauth)
    async with store.held(clock), open_transport(timeout=_TIMEOUT, connections=1, clock=clock) as transport:
        now = clock.now()
        body = orjson.dumps(code_form(oauth, code))
        grant = grant_of(await transport.request("POST", token_url(site), client_headers(oauth), body), now)
        if not isinstance(grant, Granted):
            raise SignInRefused(f"no token for the code from {token_url(site)}: {grant.error}; start again")
        # A refresh token that is set and did not change from here on does not win over this sign-in.
        given = oauth.refresh_token.get_secret_value() if oauth.refresh_token else ""
        tokens = Tokens(
            client_id=oauth.client_id,
            login_url=site.login_url,
            refresh=grant.refresh,
            access=grant.access,
            good_until=grant.good_until,
            seed=digest(given) if given else "",
        )
        await asyncio.to_thread(store.write, tokens)


def _learnt(code: str) -> str:
    if not code:
        raise SignInRefused("no code came; start again")
    secrets.learn(code)
    return code
