"""Where a checkpoint lies: in a file, or under its name in a PostgreSQL database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from bulkseg.errors import ConfigError
from bulkseg.redact import secrets

# What libpq is told where an address does not say it, so that a peer that is gone without a word is found
# out. In seconds, the last in milliseconds.
CONNECTION_DEFAULTS: Mapping[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_SCHEMES = ("postgresql", "postgres")
# Hosts and ports, with commas between them; each may be empty, an IPv6 address stands in brackets.
_HOST = r"(?:\[[^\]@/]*\]|[^:@/,]*)(?::\d*)?"
_HOSTS = re.compile(f"{_HOST}(?:,{_HOST})*")
_SECRET_PARAMETERS = frozenset({"password", "sslpassword"})


@dataclass(frozen=True, slots=True)
class Database:
    """A checkpoint in a database.

    `url` is libpq's connection URI, `name` the checkpoint's own name there: the URI's part after `#`, or else
    the job's. None stands for the only one that there is. As text it has no password.
    """

    url: str = field(repr=False)
    name: str | None = None

    def __str__(self) -> str:
        """The address without what is secret in it."""
        return _without_secrets(self.url) + (f"#{quote(self.name, safe='')}" if self.name else "")

    @property
    def has_secret(self) -> bool:
        """Whether a password stands in it."""
        return bool(_secrets_of(self.url))


Location = Path | Database


def is_database(text: str) -> bool:
    """Whether this names a database, and not a file."""
    return text.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def located(text: str) -> Location:
    """A place as it was given: a `postgresql://` address, or a file. Raises ConfigError."""
    if not is_database(text):
        return Path(text)
    url, _, name = text.partition("#")
    # What is not shown here may be a piece of a password.
    if "@" in name or not _HOSTS.fullmatch(urlsplit(url).netloc.rpartition("@")[2]):
        raise ConfigError(
            "the address after postgresql:// cannot be read; write what is special in a user or a password "
            "as % and two digits, or better leave the password to PGPASSWORD or a .pgpass file"
        )
    for secret in _secrets_of(url):
        secrets.learn(secret)
    return Database(url, unquote(name) or None)


def named(location: Location, job: str) -> Location:
    """The same place, with the job's name for what has none of its own."""
    if isinstance(location, Database) and location.name is None:
        return replace(location, name=job)
    return location


def _secrets_of(url: str) -> list[str]:
    parts = urlsplit(url)
    query = [value for name, value in parse_qsl(parts.query) if name in _SECRET_PARAMETERS]
    return [unquote(secret) for secret in (parts.password, *query) if secret]


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    shown = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in _SECRET_PARAMETERS]
    query = "?" + "&".join(shown) if any(shown) else ""
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}{query}"
