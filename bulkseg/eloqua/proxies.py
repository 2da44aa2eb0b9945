"""Finds the proxy for an address in the environment, once an address and not once a request.

aiohttp's own `trust_env` asks in two threads for every request, and looks for credentials in `~/.netrc`
too: where that knows the host, it refuses a request that has its own Authorization.
"""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from bulkseg.eloqua.addresses import is_loopback
from bulkseg.errors import ConfigError
from bulkseg.redact import secrets


def proxy_for(url: URL) -> URL | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (or the system) name for this address.

    A loopback address is never sent through one: plain http is allowed there because nobody sees it.

    Raises:
        ConfigError: what is named is no http or https proxy. It is not shown: it may hold a password.
    """
    host = url.host or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    return _parsed(found, url.scheme) if found else None


def _parsed(text: str, scheme: str) -> URL:
    """The proxy's address; as curl has it, one without a scheme is http."""
    problem = f"the proxy for {scheme} (HTTPS_PROXY or ALL_PROXY) is not an address like http://proxy:3128"
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        raise ConfigError(problem) from None
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ConfigError(problem)
    secrets.learn(proxy.password or "")
    return proxy
