"""Reads a site's settings and credentials, from the environment and from a secrets folder.

The variables are read by hand and not by pydantic-settings: they are few, the mapping is handed in, and a
message has to name each variable and each place where it was looked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bulkseg.eloqua.addresses import checked, checked_base
from bulkseg.errors import ConfigError

PUBLIC_LOGIN = "https://login.eloqua.com"

_SITE_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Site:
    """One Eloqua instance: where it is, and who we are there. `base_url` None means: ask `login_url`."""

    name: str | None
    company: str
    user: str
    password: SecretStr
    login_url: str
    base_url: str | None

    @property
    def label(self) -> str:
        """The site as a message names it: company, user and host, no secret."""
        return f"{self.company}\\{self.user} at {self.base_url or self.login_url}"


def load_site(name: str | None = None, environ: Mapping[str, str] = os.environ) -> Site:
    r"""The site called `name`, or the one of the plain `ELOQUA_…` variables where that is None.

    A named site has variables of its own (`ELOQUA__ACME__PASSWORD`; upper case, `-` as `_`) and takes
    nothing from the plain ones but the secrets folder: one site's password is never tried on another.
    A variable wins over a file; one that is empty counts as not set.

    Raises:
        ConfigError: something is missing (the message says what, and where it was looked for), an address
            is not one that credentials may be sent to, or a file cannot be read.
    """
    settings = _Settings(_prefix(name), environ)
    company, user, password = settings.required("COMPANY", "USER", "PASSWORD")
    _check_identity(settings, company=company, user=user)
    _check_password(settings, password)
    login, base = settings.get("LOGIN_URL"), settings.get("BASE_URL")
    return Site(
        name=name,
        company=company,
        user=user,
        password=SecretStr(password),
        login_url=checked(login or PUBLIC_LOGIN, settings.variable("LOGIN_URL")),
        base_url=checked_base(base, settings.variable("BASE_URL")) if base else None,
    )


def _prefix(name: str | None) -> str:
    if name is None:
        return "ELOQUA_"
    if not _SITE_NAME.fullmatch(name):
        raise ConfigError(f"site {name!r}: a site's name is made of letters, digits, '-' and '_'")
    return f"ELOQUA__{name.upper().replace('-', '_')}__"


class _Settings:
    """The values of one site, by the ends of their variables' names."""

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._environ = environ
        folder = environ.get(f"{prefix}SECRETS_DIR") or environ.get("ELOQUA_SECRETS_DIR")
        self._folder = Path(folder) if folder else None
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(f"the secrets folder {self._folder} does not exist or is no folder")

    def variable(self, end: str) -> str:
        return self._prefix + end

    def get(self, end: str) -> str:
        """The value, or an empty string where there is none."""
        variable = self.variable(end)
        return self._environ.get(variable) or self._from_folder(variable)

    def required(self, *ends: str) -> list[str]:
        values = [self.get(end) for end in ends]
        missing = [self.variable(end) for end, value in zip(ends, values, strict=True) if not value]
        if missing:
            raise ConfigError(f"{' and '.join(missing)} not set: looked in {self._looked_in()}")
        return values

    def _looked_in(self) -> str:
        if self._folder is None:
            return "the environment (ELOQUA_SECRETS_DIR, a folder with one file a value, is not set either)"
        return f"the environment and the folder {self._folder}"

    def _from_folder(self, variable: str) -> str:
        for path in self._files(variable):
            try:
                # A file that was written with an editor or `echo` ends with a line break that is not meant.
                return path.read_text("utf-8-sig").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise ConfigError(f"{path} cannot be read: {reason}") from None
        return ""

    def _files(self, variable: str) -> list[Path]:
        if self._folder is None:
            return []
        places = [self._folder / variable, self._folder / variable.lower()]
        return [place for place in places if place.exists()]


def _check_identity(settings: _Settings, **values: str) -> None:
    """A colon ends the user in basic authentication (RFC 7617), so none may stand before it."""
    for end, value in values.items():
        if ":" in value or not value.isprintable():
            name = settings.variable(end.upper())
            raise ConfigError(f"{name} has a colon or a control character in it, which no {end} can have")


def _check_password(settings: _Settings, password: str) -> None:
    try:
        password.encode()
    except UnicodeEncodeError:  # bytes in the environment that are not UTF-8 arrive as lone surrogates
        raise ConfigError(f"{settings.variable('PASSWORD')} is not UTF-8") from None
