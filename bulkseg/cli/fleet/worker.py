"""`bulkseg fleet worker`: takes jobs and runs them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.fleet.shared import DatabaseOption, database_of
from bulkseg.cli.guard import guarded

if TYPE_CHECKING:
    from bulkseg.location import Database

EXAMPLES = """\
bulkseg fleet worker --sites 8
"""

SitesOption = Annotated[int, typer.Option("--sites", metavar="N", min=1, help="Jobs of N sites at once.")]


def worker(
    *,
    database: DatabaseOption = None,
    sites: SitesOption = 4,
    log_format: options.LogFormatOption = "auto",
    log_level: options.LogLevelOption = "info",
) -> None:
    """Take jobs from the queue and run them.

    Runs until it is told to stop. Credentials come from where `bulkseg run` has them, for each site that its
    jobs name. Ctrl-C or SIGTERM has it finish and record what is under way, and put its jobs back into the
    queue, where another worker goes on with them; once more ends it at once.
    """
    with guarded(log_level=log_level):
        place = database_of(database)
        from bulkseg import log
        from bulkseg.cli.session import in_loop

        plain = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
        log.configure(log_level, "json" if plain else "console")
        raise typer.Exit(in_loop(_attend(place, sites)))


async def _attend(place: Database, sites: int) -> int:
    """Runs a worker until a signal comes; gives what the command ends with."""
    import asyncio

    from bulkseg.cli.signals import Signals, end_at_once
    from bulkseg.fleet.terms import Terms
    from bulkseg.fleet.worker import Worker

    loop, came = asyncio.get_running_loop(), []
    taker = Worker(place, sites, Terms.of())

    def drain(signum: int) -> None:
        came.append(signum)
        loop.call_soon_threadsafe(taker.drain, signum)

    with Signals(asking=lambda: False, drain=drain, leave=end_at_once):
        await taker.run()
    return 128 + came[0] if came else 0
