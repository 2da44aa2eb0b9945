"""Makes a site of its settings and credentials, in one of the two ways to sign in: basic, or OAuth 2.0."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from bulkseg.eloqua.addresses import checked, checked_base
from bulkseg.eloqua.sources import CREDENTIALS, Sources, prefix_of
from bulkseg.errors import ConfigError
from bulkseg.location import Database

PUBLIC_LOGIN = "https://login.eloqua.com"
# What an app is taken to have registered as its callback, where nothing else is said.
LOOPBACK_REDIRECT = "http://127.0.0.1:8765/callback"

_BASIC = ("COMPANY", "USER", "PASSWORD")
_CLIENT = ("CLIENT_ID", "CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class OAuth:
    """What signing in by OAuth 2.0 takes besides the site: our client, and where its tokens are kept.

    `refresh_token` is the one that was given, which seeds what is kept. `redirect_uri` is the app's callback.
    Where there is a `token_database`, the tokens are kept there, and not in the file.
    """

    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr | None
    token_file: Path
    redirect_uri: str
    token_database: Database | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One Eloqua instance: where it is, and who we are there. `base_url` None means: ask `login_url`.

    Company, user and password are empty where a refresh token stands for them.
    """

    name: str | None
    company: str
    user: str
    password: SecretStr
    login_url: str
    base_url: str | None
    oauth: OAuth | None = None

    @property
    def label(self) -> str:
        """The site as a message names it: who and where, no secret."""
        where = self.base_url or self.login_url
        if self.user:
            return f"{self.company}\\{self.user} at {where}"
        return f"the owner of the token for site {self.name or 'default'} at {where}"

    @property
    def login_command(self) -> str:
        """What somebody types at a terminal to sign in to it, as a message names it."""
        return "`bulkseg login`" if self.name is None else f"`bulkseg login --site {self.name}`"

    @property
    def has_password(self) -> bool:
        """Whether it can be signed in to with company, user and password."""
        return bool(self.password.get_secret_value())


def load_site(name: str | None = None, environ: Mapping[str, str] = os.environ) -> Site:
    r"""The site called `name`, or the one of the plain `ELOQUA_…` variables where that is None.

    A named site has variables of its own (`ELOQUA__ACME__PASSWORD`; upper case, `-` as `_`) and takes
    nothing from the plain ones but the secrets folder: one site's password is never tried on another.
    A variable wins over a file, and a file over the keyring; one that is empty counts as not set.

    Raises:
        ConfigError: something is missing (the message says what, and where it was looked for), an address
            is not one that credentials may be sent to, or a file cannot be read.
    """
    site = load_client(name, environ)
    if site.oauth is None or site.has_password or site.oauth.refresh_token or site.oauth.token_file.exists():
        return site
    raise ConfigError(
        f"{prefix_of(name)}REFRESH_TOKEN not set, and there is no token file {site.oauth.token_file}:"
        f" sign in at a terminal with {site.login_command}, which writes it"
    )


def load_client(name: str | None = None, environ: Mapping[str, str] = os.environ) -> Site:
    """Likewise, but no token has to be there yet, nor a password: `bulkseg login` gets one."""
    sources = Sources(prefix_of(name), environ)
    found = _credentials(sources)
    oauth = _oauth(name, sources, found, environ) if found["CLIENT_ID"] or found["CLIENT_SECRET"] else None
    if oauth is None or any(found[end] for end in _BASIC):
        _require(sources, found, _BASIC)
    _refuse_colons(sources, found)
    login, base = sources.get("LOGIN_URL"), sources.get("BASE_URL")
    return Site(
        name=name,
        company=found["COMPANY"],
        user=found["USER"],
        password=SecretStr(found["PASSWORD"]),
        login_url=checked(login or PUBLIC_LOGIN, sources.variable("LOGIN_URL")),
        base_url=checked_base(base, sources.variable("BASE_URL")) if base else None,
        oauth=oauth,
    )


def load_worker_site(name: str | None, database: Database, environ: Mapping[str, str] = os.environ) -> Site:
    """Likewise, for a worker of a fleet: its tokens are kept in the fleet's database, for all of its workers.

    No token has to be set where one is kept there already; that shows at the sign-in. Raises as `load_site`.
    """
    site = load_client(name, environ)
    return replace(site, oauth=site.oauth and replace(site.oauth, token_database=database))


def default_token_file(name: str | None, environ: Mapping[str, str]) -> Path:
    """Where a site's tokens are kept unless told otherwise: in the user's state folder (XDG)."""
    state = environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    folder = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return folder / "bulkseg" / f"{name or 'default'}.token"


def _credentials(sources: Sources) -> dict[str, str]:
    """What there is of them. The keyring, which may ask its owner, is only asked for what is missing."""
    found = {end: sources.get(end) for end in CREDENTIALS}
    client, basic = ([bool(found[end]) for end in ends] for ends in (_CLIENT, _BASIC))
    if (all(basic) and all(client) is any(client)) or (all(client) and found["REFRESH_TOKEN"]):
        return found
    return {end: value or sources.from_keyring(end) for end, value in found.items()}


def _oauth(name: str | None, sources: Sources, found: Mapping[str, str], environ: Mapping[str, str]) -> OAuth:
    _require(sources, found, _CLIENT)
    token_file = sources.get("TOKEN_FILE")
    redirect = sources.get("REDIRECT_URI") or LOOPBACK_REDIRECT
    checked(redirect, sources.variable("REDIRECT_URI"))
    return OAuth(
        client_id=found["CLIENT_ID"],
        client_secret=SecretStr(found["CLIENT_SECRET"]),
        refresh_token=SecretStr(found["REFRESH_TOKEN"]) if found["REFRESH_TOKEN"] else None,
        token_file=Path(token_file).expanduser() if token_file else default_token_file(name, environ),
        redirect_uri=redirect,
    )


def _require(sources: Sources, found: Mapping[str, str], ends: tuple[str, ...]) -> None:
    missing = [sources.variable(end) for end in ends if not found[end]]
    if missing:
        named = " and ".join([", ".join(missing[:-1]), missing[-1]] if missing[1:] else missing)
        raise ConfigError(
            f"{named} not set: looked in {sources.looked_in()}. Put what is missing into one of these;"
            " `bulkseg plan` and `bulkseg demo` need no credentials"
        )


def _refuse_colons(sources: Sources, found: Mapping[str, str]) -> None:
    """A colon ends the user in basic authentication (RFC 7617), so none may stand before it."""
    for end in ("COMPANY", "USER", "CLIENT_ID"):
        if ":" in found[end] or not found[end].isprintable():
            what = end.lower().replace("_", " ")
            raise ConfigError(
                f"{sources.variable(end)} has a colon or a control character in it, which no {what} can have"
            )
