"""aioresponses made to work with aiohttp 3.14, and what its tests have in common.

aiohttp 3.14 builds a response with a `stream_writer`, which aioresponses 0.7.9 does not know (its issue 289).
aioresponses stands in for the whole of a request, so the hook that tells what left is not called under it.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import ClientResponse
from aioresponses import aioresponses
from pydantic import SecretStr
from yarl import URL

from bulkseg.eloqua.sites import LOOPBACK_REDIRECT, OAuth, Site

LOGIN = "https://login.example.test"
BASE = "https://p03.example.test"
API = f"{BASE}/api/REST/2.0/assets/contact"


class Response(ClientResponse):
    """A response whose request has been written already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, stream_writer=SimpleNamespace(output_size=0), **kwargs)


class Server(aioresponses):
    """aioresponses with that response class, and with what it was asked in the order of asking."""

    def add(self, url: Any, method: str = "GET", **kwargs: Any) -> None:
        super().add(url, method, response_class=Response, **kwargs)

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(method, str(url)) for (method, url), calls in self.requests.items() for _ in calls]

    def call(self, method: str, url: str) -> dict[str, Any]:
        """What the one request of that kind was made with."""
        (found,) = self.requests[(method, URL(url))]
        return found.kwargs


def site(**changes: Any) -> Site:
    """The site of the tests; its credentials are the sandbox's, which are public."""
    values = {
        "name": None,
        "company": "Sandbox",
        "user": "demo",
        "password": SecretStr("demo"),
        "login_url": LOGIN,
        "base_url": BASE,
    }
    return Site(**{**values, **changes})


def oauth(**changes: Any) -> OAuth:
    """The client of the tests."""
    values = {
        "client_id": "client",
        "client_secret": SecretStr("client-secret"),
        "refresh_token": None,
        "token_file": Path("none.token"),
        "redirect_uri": LOOPBACK_REDIRECT,
    }
    return OAuth(**{**values, **changes})
