"""The API's requests: create, copy, get, list, search and delete of contact segments, and their folders.

Each gives the Reply as it came; what it means is judged elsewhere. Source of paths and parameters: Oracle's
REST API 2.0 for Eloqua, "Contact segments".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote as percent
from urllib.parse import urlencode

import orjson
from yarl import URL

from bulkseg.clock import Clock
from bulkseg.eloqua.auth import Auth, BasicAuth, TokenAuth
from bulkseg.eloqua.discovery import REASONS, VERSION, Identity, accepted, advice, identity_of, undiscovered
from bulkseg.eloqua.search import by_name
from bulkseg.eloqua.sites import Site
from bulkseg.eloqua.transport import Transport, open_transport
from bulkseg.errors import ConfigError, ServerGone, SignInRefused
from bulkseg.model import Action, Answer, NoAnswer, Reply, Spec

# Connections besides those of the workers: for a search, a read-back or a sign-in beside them.
_SPARE_CONNECTIONS = 4


class _Urls:
    """The addresses of one base URL, made once."""

    __slots__ = ("create", "folder", "folders", "root", "segment", "segments")

    def __init__(self, base_url: str) -> None:
        self.segment = f"{base_url}/api/REST/{VERSION}/assets/contact/segment"
        self.segments = f"{self.segment}s"
        self.create = URL(self.segment)
        self.folder = URL(f"{self.segment}/folder")
        self.folders = f"{self.segment}/folders"
        self.root = URL(f"{self.segment}/folder/root")


class Eloqua:
    """One site's API. Call `sign_in` before anything else. Made by `connect`."""

    def __init__(self, site: Site, transport: Transport, auth: Auth) -> None:
        self._site = site
        self._transport = transport
        self._auth = auth
        self._identity: Identity | None = None
        self._urls: _Urls | None = None
        self._headers: Mapping[str, str] = {}
        # Of these headers: the methods that were let in with them, and the last one that was refused.
        self._let_in: set[str] = set()
        self._refused: str | None = None
        self._asked_again = False
        self._moving = asyncio.Lock()

    def permit(self, may_change: Callable[[], bool]) -> None:
        """From now on `may_change` is asked just before anything but a read leaves."""
        self._transport.may_change = may_change

    async def sign_in(self) -> Identity:
        """Gets an access token, if that is the way, and finds out who and where we are.

        The login address is asked once, for it is throttled; where the site has a base URL, not at all.

        Raises:
            SignInRefused: we are not let in.
            ServerGone: the login address does not answer.
            StorageFull: the token file cannot be written.
            ConfigError: what answers there is not Eloqua, or the token file is another client's.
        """
        if self._identity is None:
            base_url = self._site.base_url
            await self._authorized()
            self._settle(undiscovered(self._site, base_url) if base_url else await self._discover())
        assert self._identity is not None  # noqa: S101  # settled just now; mypy cannot see it
        return self._identity

    async def check(self) -> Identity:
        """As `sign_in`, and makes sure that the API itself lets us in, where that does not show it.

        Raises:
            SignInRefused, ServerGone, StorageFull, ConfigError: as `sign_in`, and for what the API answers.
        """
        identity = await self.sign_in()
        if identity.site_id is None:
            accepted(self._site, await self.list(count=1))
        return identity

    async def rediscover(self) -> bool:
        """After a 401 or a redirect: renews the access token, or asks once more where the site is.

        The second only where the new token is refused too, or there is none. True means that it is new, or
        that the site has moved: send again what was refused. However many requests were refused with the old
        token or by the old address, it is renewed or asked once.

        Raises:
            SignInRefused: the site is where it was, so the credentials do not do (any more); or it has moved
                once before in this run; or the login leads to another site now, or to no Eloqua.
            ServerGone: nobody answers for now; call it again later.
        """
        async with self._moving:
            if self._refused is None:
                return True  # what was refused had been sent with an older token, or to an older address
            if await self._renewed():
                return True
            before = await self.sign_in()
            if self._site.base_url or self._asked_again:
                raise self._not_let_in()
            try:
                after = await self._discover()
            except ConfigError as error:
                # In the middle of a run the settings have been good: something else has changed.
                raise SignInRefused(str(error)) from None
            self._asked_again = True
            if after.site_id != before.site_id:
                raise SignInRefused(
                    f"the login of {self._site.label} leads to another site now: {after.site_name}"
                )
            if after.base_url == before.base_url:
                raise self._not_let_in()
            self._settle(after)
            return True

    async def send(self, spec: Spec) -> Reply:
        """Sends a spec: POST of a create or of a copy."""
        urls = self._where()
        url = urls.create if spec.action is Action.CREATE else _under(urls.segment, spec.source_id, "/copy")
        return await self._request("POST", url, spec.body)

    async def get(self, segment_id: str, depth: str = "complete") -> Reply:
        """Reads one segment; `depth` is minimal, partial or complete."""
        return await self._request("GET", _under(self._where().segment, segment_id, f"?depth={depth}"))

    async def list(
        self,
        *,
        search: str | None = None,
        page: int = 1,
        count: int = 1000,
        depth: str = "minimal",
        order_by: str | None = None,
        last_updated_at: int | None = None,
    ) -> Reply:
        """Reads one page of segments.

        Args:
            search: an expression such as `name='O''Brien'`.
            page: from 1.
            count: segments a page, 1 to 1000.
            depth: minimal, partial or complete.
            order_by: such as `id ASC` or `createdAt DESC`.
            last_updated_at: only what was changed since, Unix time in seconds.
        """
        query = {
            "search": search,
            "depth": depth,
            "count": count,
            "page": page,
            "orderBy": order_by,
            "lastUpdatedAt": last_updated_at,
        }
        return await self._request("GET", _with_query(self._where().segments, query))

    async def search(self, name: str, *, depth: str = "minimal") -> Reply:
        """Reads the segments of that name, a thousand at most. A `*` in it finds more than itself."""
        return await self.list(search=by_name(name), depth=depth)

    async def delete(self, segment_id: str) -> Reply:
        """Deletes one segment."""
        return await self._request("DELETE", _under(self._where().segment, segment_id))

    async def create_folder(self, name: str, parent_id: str) -> Reply:
        """Makes a segment folder of that name in the folder `parent_id`."""
        body = orjson.dumps({"name": name, "folderId": parent_id})
        return await self._request("POST", self._where().folder, body)

    async def root_folder(self) -> Reply:
        """Reads the segment folder that all others lie in."""
        return await self._request("GET", self._where().root)

    async def list_folders(self, *, page: int = 1, count: int = 1000, order_by: str | None = None) -> Reply:
        """Reads one page of the segment folders, whole; `page` from 1, `count` a page."""
        query: dict[str, str | int | None] = {
            "depth": "complete",
            "count": count,
            "page": page,
            "orderBy": order_by,
        }
        return await self._request("GET", _with_query(self._where().folders, query))

    async def _request(self, method: str, url: URL, body: bytes | None = None) -> Reply:
        """Raises Stopped where no access token is to be had; is there none for now, nothing has left."""
        try:
            urls, headers = self._urls, await self._authorized()
        except ServerGone as error:
            return NoAnswer(left=False, error=str(error))
        reply = await self._transport.request(method, url, headers, body)
        if isinstance(reply, Answer) and urls is self._urls and headers is self._headers:
            self._note(method, reply.status)
        return reply

    def _note(self, method: str, status: int) -> None:
        if _logged_out(status):
            self._refused = method
        elif status < 300:  # noqa: PLR2004  # HTTP's own number
            self._let_in.add(method)

    async def _authorized(self) -> Mapping[str, str]:
        self._headers = await self._auth.headers()
        return self._headers

    async def _renewed(self) -> bool:
        """Whether there is another access token now.

        One that was granted just now and is refused at its first use of that kind is not renewed again: that
        would go on for ever.
        """
        if self._auth.new and self._refused not in self._let_in:
            return False
        if not await self._auth.renew():
            return False
        await self._authorized()
        self._let_in.clear()
        self._refused = None
        return True

    async def _discover(self) -> Identity:
        try:
            return await self._ask_who()
        except SignInRefused:
            # The access token of an earlier run may have been revoked meanwhile.
            if self._auth.new or not await self._auth.renew():
                raise
            return await self._ask_who()

    async def _ask_who(self) -> Identity:
        url = URL(f"{self._site.login_url}/id")
        return identity_of(self._site, await self._transport.request("GET", url, await self._authorized()))

    def _settle(self, identity: Identity) -> None:
        self._identity = identity
        self._urls = _Urls(identity.base_url)
        self._refused = None

    def _where(self) -> _Urls:
        if self._urls is None:
            raise RuntimeError("sign_in comes before any other request")
        return self._urls

    def _not_let_in(self) -> SignInRefused:
        label, check = self._site.label, advice(self._site)
        return SignInRefused(f"the server does not let {label} in; {check}; {REASONS}")


@asynccontextmanager
async def connect(
    site: Site,
    *,
    timeout: float,  # noqa: ASYNC109  # aiohttp's own time-out, for each request and not for this
    concurrency: int,
    clock: Clock = Clock(),  # noqa: B008  # frozen
) -> AsyncIterator[Eloqua]:
    """The client of a site, for as long as the context lasts.

    Args:
        site: where, and with which credentials.
        timeout: for one request as a whole, in seconds.
        concurrency: how many requests are under way at a time.
        clock: for a Retry-After that is a date.
    """
    connections = concurrency + _SPARE_CONNECTIONS
    async with open_transport(timeout=timeout, connections=connections, clock=clock) as transport:
        yield Eloqua(site, transport, _auth(site, transport, clock))


def _auth(site: Site, transport: Transport, clock: Clock) -> Auth:
    return BasicAuth(site) if site.oauth is None else TokenAuth(site, site.oauth, transport, clock)


def _logged_out(status: int) -> bool:
    return status == 401 or 300 <= status < 400  # noqa: PLR2004  # HTTP's own numbers


def _under(segment: str, segment_id: str, end: str = "") -> URL:
    return URL(f"{segment}/{percent(segment_id, safe='')}{end}", encoded=True)


def _with_query(address: str, query: dict[str, str | int | None]) -> URL:
    """The address with the values that are there, percent-encoded strictly: no server can misread a `+`."""
    pairs = {name: value for name, value in query.items() if value is not None}
    return URL(f"{address}?{urlencode(pairs, quote_via=percent, safe='')}", encoded=True)
