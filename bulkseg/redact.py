"""Takes secrets out of texts: those it was told, what stands under telling keys, and credentials of a header.

Whoever reads a secret tells it here at once; whoever writes a text that others may read asks here first.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

MASK = "[redacted]"

_SECRET_KEY = re.compile(r"pass(word|wd)|secret|token|authorization|api_?key|cookie", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{4,}")

# A shorter one would be found inside ordinary words, and taking it out would spoil more than it hides.
_SHORTEST_SEARCHED = 6


class Redactor:
    """Knows the secrets of this process, and masks them in texts, in bytes and in events of the log."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._longest_first: list[str] = []

    def learn(self, *secrets: str) -> None:
        """From now on these values are masked wherever they turn up inside a text, base64 included."""
        for secret in secrets:
            if len(secret) >= _SHORTEST_SEARCHED:
                self._known.update(_forms(secret))
        self._longest_first = sorted(self._known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """`text` without any secret that is known, or that looks like an authorization header."""
        for secret in self._longest_first:
            text = text.replace(secret, MASK)
        return _CREDENTIALS.sub(rf"\1 {MASK}", text)

    def body(self, body: bytes) -> bytes:
        """Likewise for what a server sent back, which may be anything; only known secrets are looked for."""
        for secret in self._longest_first:
            body = body.replace(secret.encode("utf-8", "surrogateescape"), MASK.encode())
        return body

    def value(self, value: Any, key: str = "") -> Any:
        """`value`, looked through to its last part; what a key such as `password` leads to is masked."""
        if _SECRET_KEY.search(key):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(part, str(name)) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(part) for part in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: Any) -> Any:
        """As a structlog processor. What starts with `_` is structlog's own."""
        return {key: part if key.startswith("_") else self.value(part, key) for key, part in event.items()}


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, as Python, JSON and a URL would write it, and within base64."""
    yield secret
    yield repr(secret)[1:-1]
    yield quote(secret.encode("utf-8", "surrogateescape"), safe="")
    yield from _within_base64(secret.encode("utf-8", "surrogateescape"))


def _within_base64(secret: bytes) -> Iterator[str]:
    """What base64 of any text that holds the secret has in it.

    Three bytes make four characters, so the secret can begin at three places in such a group. Characters that
    depend on its neighbours are left out.
    """
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        encoded = base64.b64encode(b"\0" * before + secret).decode("ascii")[first:end]
        yield encoded
        yield encoded.translate(str.maketrans("+/", "-_"))


secrets = Redactor()
