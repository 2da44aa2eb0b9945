"""What is known of a request that got no answer: whether it may have left, and why in plain words.

What aiohttp 3.14 raises was measured. The exception alone does not tell whether a request left: the same
TimeoutError comes while waiting for a connection and while waiting for the answer.
"""

from __future__ import annotations

import os

import aiohttp

from bulkseg.model import NoAnswer


class NotPermitted(Exception):
    """It must not be sent now, though everything else is there. The message says why."""


class Unasked(Exception):
    """The server has said something by this connection that answers no request: a 408 to an idle one, say."""

    def __init__(self) -> None:
        super().__init__("the server said something that it was not asked for")


# Raised before a connection is there, or by us. Only these, and a time-out, count as not sent, and only where
# aiohttp has not begun to write; whatever else may be raised is in doubt.
_BEFORE_CONNECTION = (
    aiohttp.ClientConnectorError,  # refused, no address, TLS, certificate, the proxy not reached
    aiohttp.ClientHttpProxyError,  # the proxy would not make the tunnel
    aiohttp.InvalidURL,
    NotPermitted,
    TimeoutError,  # ConnectionTimeoutError too
    Unasked,
)


def no_answer(error: Exception, *, wrote: bool) -> NoAnswer:
    """What a failed request is worth. `wrote` says whether aiohttp began to write the request."""
    left = wrote or not isinstance(error, _BEFORE_CONNECTION)
    return NoAnswer(left=left, error=explain(error, wrote=wrote))


def explain(error: Exception, *, wrote: bool) -> str:
    """One line. Never the exception's own text where that may show an address with a password (a proxy's)."""
    match error:
        case aiohttp.ClientConnectorError():
            return _no_connection(error)
        case TimeoutError():
            return "no answer in time" if wrote else "no connection in time"
        case aiohttp.ClientResponseError():
            return _no_http(error)
        case OSError():
            return f"the connection broke: {_reason(error)}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer came"
        case _:
            words = "" if isinstance(error, aiohttp.InvalidURL) else f": {_one_line(str(error))}"
            return f"the request broke off: {type(error).__name__}{words}"


def _no_connection(error: aiohttp.ClientConnectorError) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"no address found for {error.host}: {_reason(error)}"
        case aiohttp.ClientConnectorCertificateError():
            reason = _reason(error.certificate_error)
            return (
                f"the certificate of {error.host} is not trusted: {reason}"
                " (SSL_CERT_FILE adds an authority of your own)"
            )
        case aiohttp.ClientProxyConnectionError():
            return f"no connection to the proxy {error.host}:{error.port}: {_reason(error)}"
        case _:
            return f"no connection to {error.host}:{error.port}: {_reason(error)}"


def _no_http(error: aiohttp.ClientResponseError) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy would not connect: HTTP {error.status} {_one_line(error.message)}"
    return f"the answer is not HTTP: {_one_line(error.message)}"


def _reason(error: BaseException) -> str:
    """The operating system's or the TLS library's words, without the address."""
    inner = getattr(error, "os_error", error)
    words = getattr(inner, "verify_message", None) or getattr(inner, "strerror", None)
    if isinstance(inner, OSError) and inner.errno and str(words).startswith("Connect call failed"):
        words = os.strerror(inner.errno)  # asyncio's own words have the address, and not the reason
    return _one_line(words or str(inner) or type(inner).__name__)


def _one_line(words: str) -> str:
    return " ".join(words.split())[:200]
