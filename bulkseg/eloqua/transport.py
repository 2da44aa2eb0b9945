"""One tuned HTTP session: sends a request, gives a Reply, and never raises for the network.

It knows HTTP and nothing of Eloqua. Every second of a run thousands of requests may come through here, so
headers and addresses come ready made, and the body goes out as the bytes that it is.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from io import BytesIO

import aiohttp
from yarl import URL

from bulkseg.clock import Clock
from bulkseg.eloqua import headers as header
from bulkseg.eloqua.breaks import Unasked, no_answer
from bulkseg.eloqua.flight import Burst, Flight, UnderWay
from bulkseg.eloqua.proxies import proxy_for
from bulkseg.eloqua.request import LARGEST, Headers, Request
from bulkseg.errors import ConfigError
from bulkseg.model import Answer, Reply
from bulkseg.redact import secrets
from bulkseg.version import version

# Idle connections are closed by load balancers after 60 s, by nginx after 75 s. We give them up long before,
# so that a request is not written to a connection that is being closed: a POST would end in doubt.
KEEP_ALIVE_SECONDS = 15.0
DNS_SECONDS = 60
LONGEST_CONNECT_SECONDS = 10.0
# A page of a thousand complete segments may have ten megabytes; what is much longer is not read to its end.
LARGEST_BODY = 32 * 1024 * 1024
# The first status of those with which a request is turned away, HTTP's redirects included.
_REFUSALS = 300


def _always() -> bool:
    return True


class Transport:
    """Sends requests over one session. Made by `open_transport`.

    `may_change` is asked just before anything but a read leaves.
    """

    def __init__(self, session: aiohttp.ClientSession, timeout: float, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._burst = Burst()
        self._under_way = UnderWay(timeout)
        self._headers = Headers(session.headers)
        self.may_change: Callable[[], bool] = _always
        self._proxies: dict[tuple[str, str | None], URL | None] = {}

    async def request(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Sends one request and reads its answer, in the time that one has.

        A NoAnswer says whether the request may have left; an Answer whose body broke off is not `whole`.

        Raises:
            ConfigError: the environment names a proxy that is none.
        """
        proxy = self._proxy(url)
        flight = Flight(self._burst, _always if method == "GET" else self.may_change)
        self._under_way.begin(flight)
        try:
            large = body is not None and len(body) > LARGEST
            if proxy is None and not large:
                flight.ready = self._headers.request(method, url, headers, body)
            response = await self._session.request(
                method,
                url,
                data=BytesIO(body) if body and large else body,
                headers=headers,
                proxy=proxy,
                allow_redirects=False,
            )
            try:
                if flight.response is response and not flight.wrote:  # nor will it be, once this is over
                    response.close()
                    raise Unasked
                return await self._read(response)
            finally:
                if not response.closed:  # it has not come to its end, and given its connection back by itself
                    response.release()
        except Exception as error:  # noqa: BLE001  # an error nobody foresaw must not lose a request: in doubt
            return no_answer(error, wrote=flight.wrote)
        finally:
            self._under_way.end(flight)

    async def _read(self, response: aiohttp.ClientResponse) -> Answer:
        content, whole = await _body(response.content)
        if response.status >= _REFUSALS:
            # What says no may show what it was sent, and will be shown and kept itself.
            content = secrets.body(content)
        headers = response.headers
        date = header.text(headers.get("Date"))
        return Answer(
            status=response.status,
            body=content,
            whole=whole,
            retry_after=header.retry_after(headers.get("Retry-After"), date, self._clock.now()),
            request_id=header.text(headers.get("X-Request-Id")),
            date=date,
        )

    def _proxy(self, url: URL) -> URL | None:
        key = (url.scheme, url.raw_host)
        if key not in self._proxies:
            self._proxies[key] = proxy_for(url)
        return self._proxies[key]


async def _body(stream: aiohttp.StreamReader) -> tuple[bytes, bool]:
    """The body, and whether it came to its end. A status line was read, so a break here is not a NoAnswer.

    One that is too long would be so the next time too: words stand for it, which no reader takes for JSON.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        while chunk := await stream.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_BODY:
                return f"an answer of more than {LARGEST_BODY:,} bytes, which was cut off".encode(), True
    except Exception:  # noqa: BLE001  # time-out, reset, wrong length or encoding: the status still counts
        return b"".join(chunks), False
    return b"".join(chunks), True


def trusted() -> ssl.SSLContext:
    """Whose certificates are believed, which are always verified: the usual ones, and SSL_CERT_FILE's.

    Raises:
        ConfigError: what SSL_CERT_FILE names has no certificates in it.
    """
    context = (
        ssl.create_default_context()
    )  # reads SSL_CERT_FILE, in place of the usual file, and SSL_CERT_DIR
    own = os.environ.get("SSL_CERT_FILE")
    if own:
        try:
            context.load_verify_locations(own)
        except OSError as error:  # ssl's own errors too
            raise ConfigError(f"SSL_CERT_FILE: {own} cannot be read as certificates: {error}") from None
        with suppress(OSError):
            context.load_verify_locations(ssl.get_default_verify_paths().openssl_cafile)
    return context


@asynccontextmanager
async def open_transport(*, timeout: float, connections: int, clock: Clock) -> AsyncIterator[Transport]:  # noqa: ASYNC109  # aiohttp's own time-out, for each request and not for this
    """A transport for as long as the context lasts.

    Args:
        timeout: for one request as a whole, in seconds, from waiting for a connection to the body's end.
        connections: the most that are open at a time.
        clock: only its `now` is used, for a Retry-After that is a date.

    Raises:
        ConfigError: as `trusted`.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
            ssl=trusted(),
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=min(LONGEST_CONNECT_SECONDS, timeout / 2)),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "User-Agent": f"bulkseg/{version()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
        request_class=Request,
    ) as session:
        yield Transport(session, timeout, clock)
