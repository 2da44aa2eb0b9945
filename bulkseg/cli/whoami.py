"""`bulkseg whoami`: who and where the credentials lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json

if TYPE_CHECKING:
    from bulkseg.eloqua.discovery import Identity
    from bulkseg.eloqua.sites import Site

EXAMPLES = """\
bulkseg whoami
bulkseg whoami --site acme --json
"""

# For one request, in seconds.
_TIMEOUT = 30.0


def whoami(
    *,
    site: options.SiteOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Show site, user and base URL, or why not.

    Signs in as a run would. Changes nothing there.

    Exit status: 0 let in; 2 something is missing or wrong in the settings; 3 not let in, or nobody answers.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg.cli.session import attend, in_loop, watch
        from bulkseg.eloqua.sites import load_site

        where = load_site(site)
        identity = in_loop(attend(lambda _: ask(where), watch("auto", log_level)))
        if as_json:
            print_json(document(where, identity))
        else:
            typer.echo("\n".join(lines(where, identity)))


async def ask(site: Site) -> Identity:
    """Who we are there.

    Raises:
        SignInRefused, ServerGone, StorageFull, ConfigError: as the client's `check`.
    """
    from bulkseg.eloqua.client import connect

    async with connect(site, timeout=_TIMEOUT, concurrency=1) as server:
        return await server.check()


def document(site: Site, identity: Identity) -> dict[str, Any]:
    """What `whoami --json` prints; None for what is not known."""
    return {
        "site": {"id": identity.site_id, "name": identity.site_name},
        "user": {"id": identity.user_id, "name": identity.user_name or None},
        "base_url": identity.base_url,
        "sign_in": "basic" if site.oauth is None else "oauth",
        "token_file": None if site.oauth is None else str(site.oauth.token_file),
        "exit": 0,
    }


def lines(site: Site, identity: Identity) -> Iterator[str]:
    """What `whoami` prints for people."""
    unknown = "not known (with a base URL that is set, it is not asked for)"
    yield f"site:     {f'{identity.site_name} (id {identity.site_id})' if identity.site_id else unknown}"
    known = f"{identity.user_name} (id {identity.user_id})" if identity.user_id else identity.user_name
    yield f"user:     {known or unknown}"
    yield f"base URL: {identity.base_url}"
    if site.oauth is not None:
        yield f"tokens:   {site.oauth.token_file}"
