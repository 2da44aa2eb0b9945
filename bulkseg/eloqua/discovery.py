"""Finds out where a site's API is, and who we are there: `GET {login_url}/id`, read with all its traps.

Source: "Determining base URLs" in Oracle's Eloqua developer help. Wrong credentials get status 200 and the
JSON string "Not authenticated."; the address of the API has `{version}` in it, to be filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from bulkseg.answers import id_of, load
from bulkseg.eloqua.addresses import checked_base
from bulkseg.eloqua.sites import Site
from bulkseg.errors import ConfigError, ServerGone, SignInRefused
from bulkseg.faults import read_errors
from bulkseg.model import Answer, NoAnswer, Reply

VERSION = "2.0"

REASONS = (
    "with good credentials this means one of three: the address of this machine is not on the site's allow"
    " list, the user is disabled, or the site has moved"
)
_CREDENTIALS = "check company, user and password, and that the user may use the API"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are, and where. Without discovery only `user_name` and `base_url` are known."""

    site_id: str | None
    site_name: str | None
    user_id: str | None
    user_name: str
    base_url: str

    @property
    def binding(self) -> str:
        """What a checkpoint is bound to: the site's id, which stays when a site moves; else the base URL."""
        return self.site_id or self.base_url


def undiscovered(site: Site, base_url: str) -> Identity:
    """The identity of a site whose base URL was given: nothing was asked."""
    return Identity(None, None, None, site.user, base_url)


def identity_of(site: Site, reply: Reply) -> Identity:
    """What the reply to `GET {login_url}/id` says.

    Raises:
        SignInRefused: we are not let in.
        ServerGone: no answer, or the server is in trouble; later it may work.
        ConfigError: what answered is not Eloqua, or it leads to an address that must not be used.
    """
    where = f"{site.login_url}/id"
    reply = _answered(site, where, reply)
    found = load(reply.body) if reply.whole else None
    if isinstance(found, str):
        raise SignInRefused(f"sign-in refused for {site.label}: {found[:100]!r}; {advice(site)}")
    base = _rest_url(found)
    if base is None:
        raise ConfigError(
            f"{where} answered something that is not Eloqua's: {read_errors(200, reply.body)[:200]};"
            " is the login URL right, or does a proxy answer in its place?"
        )
    site_part, user_part = _part(found, "site"), _part(found, "user")
    return Identity(
        site_id=id_of(site_part.get("id")),
        site_name=_text(site_part.get("name")),
        user_id=id_of(user_part.get("id")),
        user_name=_text(user_part.get("username")) or site.user,
        base_url=checked_base(base, f"the base URL that {where} gave"),
    )


def accepted(site: Site, reply: Reply) -> None:
    """Raises as `identity_of`, unless the reply to a read at the base URL says that we are let in."""
    _answered(site, str(site.base_url), reply)


def _answered(site: Site, where: str, reply: Reply) -> Answer:
    if isinstance(reply, NoAnswer):
        raise ServerGone(f"sign-in at {where} got no answer: {reply.error}; try again later")
    if reply.status != 200:  # noqa: PLR2004  # HTTP's OK
        _refuse(site, where, reply)
    return reply


def advice(site: Site) -> str:
    """What somebody can check who was not let in."""
    if site.oauth is None:
        return _CREDENTIALS
    return f"{at_a_terminal(site)}, and check that the user may use the API"


def at_a_terminal(site: Site) -> str:
    """What somebody can do whose tokens do not do any more."""
    return f"sign in anew at a terminal with {site.login_command}"


def _refuse(site: Site, where: str, answer: Answer) -> NoReturn:
    said = read_errors(answer.status, answer.body)
    match answer.status:
        case 401:
            raise SignInRefused(f"sign-in refused for {site.label}: {said}; {advice(site)}; {REASONS}")
        case 403:
            raise SignInRefused(f"sign-in refused for {site.label}: {said}; the user has no permission")
        case status if 300 <= status < 400:  # noqa: PLR2004  # HTTP's redirects
            raise SignInRefused(
                f"sign-in at {where} was redirected (HTTP {status}), which is not followed: {advice(site)},"
                " and that the login URL is the right one"
            )
        case status if status in (408, 429) or status >= 500:  # noqa: PLR2004  # HTTP's server errors
            raise ServerGone(f"sign-in at {where} failed: {said}; try again later")
        case _:
            raise ConfigError(f"sign-in at {where} failed: {said}; is the login URL right?")


def _rest_url(found: Any) -> str | None:
    """`urls.apis.rest.standard` with its version filled in; where it is missing, `urls.base`."""
    urls = _part(found, "urls")
    standard = _text(_part(_part(urls, "apis"), "rest").get("standard"))
    return standard.replace("{version}", VERSION) if standard else _text(urls.get("base"))


def _part(found: Any, name: str) -> dict[str, Any]:
    part = found.get(name) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
