"""`bulkseg login`: the OAuth 2.0 sign-in of somebody at a terminal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import typer

from bulkseg.cli import options, whoami
from bulkseg.cli.guard import guarded
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.eloqua.discovery import Identity
    from bulkseg.eloqua.sites import OAuth, Site
    from bulkseg.stop import Stop

EXAMPLES = """\
bulkseg login
bulkseg login --site acme
"""


def login(*, site: options.SiteOption = None, log_level: options.LogLevelOption = "info") -> None:
    """Sign in by OAuth 2.0, once, for all runs to come.

    Prints an address to open in a browser. When you have agreed there, the answer comes back to this machine,
    or you paste the address that the browser ended at. Takes ELOQUA_CLIENT_ID and ELOQUA_CLIENT_SECRET;
    ELOQUA_REDIRECT_URI has to be the callback that the app was registered with.

    Exit status: 0 signed in; 2 something is missing; 3 refused; 130 or 143 ended by a signal.
    """
    with guarded(log_level=log_level):
        from bulkseg.cli.session import attend, in_loop, watch
        from bulkseg.eloqua.sites import load_client

        where = load_client(site)
        if where.oauth is None:
            raise ConfigError("login is for OAuth 2.0: set ELOQUA_CLIENT_ID and ELOQUA_CLIENT_SECRET")
        watcher = watch("auto", log_level)
        identity = in_loop(attend(partial(_sign_in, where, where.oauth), watcher))
        typer.echo(f"signed in; the tokens are kept in {where.oauth.token_file}", err=True)
        typer.echo("\n".join(whoami.lines(where, identity)))


async def _sign_in(site: Site, oauth: OAuth, stop: Stop) -> Identity:
    from bulkseg.cli.consent import code_from
    from bulkseg.clock import Clock
    from bulkseg.eloqua.login import exchange

    await exchange(site, oauth, await code_from(site, oauth, stop), Clock())
    return await whoami.ask(site)
