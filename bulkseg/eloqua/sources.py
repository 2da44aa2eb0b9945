"""Where a site's values come from: the environment, then a secrets folder, then the system's keyring.

They are read by hand and not by a library for settings: they are few, the mapping is handed in, and a message
has to name each variable and each place where it was looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from bulkseg.errors import ConfigError
from bulkseg.redact import secrets

# The name under which the keyring keeps our values; each value's user name there is its variable's name.
KEYRING_SERVICE = "bulkseg"

# What may be asked of the keyring, and what is never shown.
CREDENTIALS = ("COMPANY", "USER", "PASSWORD", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
_SECRET = frozenset({"PASSWORD", "CLIENT_SECRET", "REFRESH_TOKEN"})

# What a message about a file that cannot be read ends with.
READABLE = "it has to be a file that this user may read"

_SITE_NAME = re.compile(r"[A-Za-z0-9_-]+")


def prefix_of(site: str | None) -> str:
    """How the variables of a site begin: `ELOQUA_`, or `ELOQUA__ACME_EU__` for the site `acme-eu`.

    Raises:
        ConfigError: no variable can be named after it.
    """
    if site is None:
        return "ELOQUA_"
    if not _SITE_NAME.fullmatch(site):
        raise ConfigError(f"site {site!r}: a site's name is made of letters, digits, '-' and '_'")
    return f"ELOQUA__{site.upper().replace('-', '_')}__"


class Sources:
    """The values of one site, by the ends of their variables' names. An empty one counts as not set.

    Raises:
        ConfigError: the secrets folder is none.
    """

    def __init__(self, prefix: str, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._environ = environ
        self._keyring = ""
        folder = environ.get(f"{prefix}SECRETS_DIR") or environ.get("ELOQUA_SECRETS_DIR")
        self._folder = Path(folder) if folder else None
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(f"the secrets folder {self._folder} does not exist or is no folder")

    def variable(self, end: str) -> str:
        """The variable's whole name."""
        return self._prefix + end

    def get(self, end: str) -> str:
        """The value that the environment or the folder has, or an empty string.

        Raises:
            ConfigError: its file cannot be read, or it is not UTF-8.
        """
        variable = self.variable(end)
        return _learnt(end, variable, self._environ.get(variable) or self._from_folder(variable))

    def from_keyring(self, end: str) -> str:
        """The value that the keyring has; an empty string also where there is no keyring."""
        variable = self.variable(end)
        try:
            keyring = import_module("keyring")
        except ImportError:
            self._keyring = "no keyring is looked in: that takes the extra bulkseg[keyring]"
            return ""
        try:
            found = keyring.get_password(KEYRING_SERVICE, variable) or ""
        except Exception as error:  # noqa: BLE001  # each system has its own; its words may show anything
            self._keyring = f"the keyring cannot be used: {type(error).__name__}"
            return ""
        self._keyring = f"the keyring under {KEYRING_SERVICE!r}"
        return _learnt(end, variable, str(found))

    def looked_in(self) -> str:
        """The places, for a message about what is in none of them."""
        folder = (
            "ELOQUA_SECRETS_DIR, a folder with one file a value, is not set"
            if self._folder is None
            else f"the folder {self._folder}"
        )
        return "; ".join(place for place in ("the environment", folder, self._keyring) if place)

    def _from_folder(self, variable: str) -> str:
        for path in self._files(variable):
            try:
                # A file that was written with an editor or `echo` ends with a line break that is not meant.
                return path.read_text("utf-8-sig").rstrip("\r\n")
            except OSError as error:
                raise ConfigError(f"{path} cannot be read: {error.strerror}; {READABLE}") from None
            except UnicodeDecodeError:
                raise ConfigError(f"{path} cannot be read: it is not UTF-8; save it as UTF-8") from None
        return ""

    def _files(self, variable: str) -> list[Path]:
        if self._folder is None:
            return []
        places = [self._folder / variable, self._folder / variable.lower()]
        return [place for place in places if place.exists()]


def _learnt(end: str, variable: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes in the environment that are not UTF-8 arrive as lone surrogates
        raise ConfigError(f"{variable} is not UTF-8") from None
    if end in _SECRET:
        secrets.learn(value)
    return value
