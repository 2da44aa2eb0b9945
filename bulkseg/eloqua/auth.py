"""What a request shows to be let in."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Protocol

from bulkseg.eloqua.sites import Site


class Auth(Protocol):
    """One way to authenticate."""

    async def headers(self) -> Mapping[str, str]:
        """The headers to send with a request, each time the same mapping while they stay good."""


class BasicAuth:
    r"""Basic authentication, as Eloqua wants it: `company\user:password` (RFC 7617, UTF-8)."""

    __slots__ = ("_headers",)

    def __init__(self, site: Site) -> None:
        pair = f"{site.company}\\{site.user}:{site.password.get_secret_value()}"
        token = base64.b64encode(pair.encode()).decode("ascii")
        self._headers = {"Authorization": f"Basic {token}"}

    async def headers(self) -> Mapping[str, str]:
        """The one header, made once."""
        return self._headers
