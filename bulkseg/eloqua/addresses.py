"""Checks the addresses of the login and the API before anything, credentials above all, is sent to them."""

from __future__ import annotations

import ipaddress
import re

from yarl import URL

from bulkseg.errors import ConfigError

# The path is not case-sensitive: discovery writes /API/REST/, everybody else /api/REST/. A host called "api"
# is no path.
_API_PATH = re.compile(r"(?<!/)/api/rest(/.*)?$", re.IGNORECASE)


def checked(text: str, where: str) -> str:
    """The address as it is used, without a slash at its end.

    Args:
        text: what was given, a URL with scheme and host.
        where: what gave it (a variable's name, for one), for the message.

    Raises:
        ConfigError: it is no URL; it holds a user, a password, a query or a fragment; or it is plain http
            to another machine. The message never repeats the address, for it may hold a password.
    """
    url = _parsed(text, where)
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{where} is not a URL: give one like https://login.eloqua.com")
    if url.raw_user is not None or url.raw_password is not None:
        raise ConfigError(f"{where} has a user or password in it: give those in variables of their own")
    if url.raw_query_string or url.raw_fragment:
        raise ConfigError(f"{where} has a query or fragment in it: give only scheme, host and path")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ConfigError(
            f"{where} is plain http to {url.host}, which would show the password to the network: use https"
        )
    return str(url).rstrip("/")


def checked_base(text: str, where: str) -> str:
    """Likewise for the API's base: the part before `/api/REST/`, which may be given or not."""
    return _API_PATH.sub("", checked(text, where)).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether it names this machine: `localhost`, or an address in 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _parsed(text: str, where: str) -> URL:
    try:
        url = URL(text.strip())
        url.port  # noqa: B018  # yarl looks at the port only when asked
    except ValueError:
        raise ConfigError(f"{where} is not a URL: give one like https://login.eloqua.com") from None
    return url
