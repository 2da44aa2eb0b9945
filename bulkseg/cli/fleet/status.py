"""`bulkseg fleet status`: which jobs there are, how far they are, and which workers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.fleet.shared import DatabaseOption, database_of
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Group

    from bulkseg.location import Database

EXAMPLES = """\
bulkseg fleet status
bulkseg fleet status --watch
"""

WatchOption = Annotated[bool, typer.Option("--watch", help="Show it anew every 2 s, until Ctrl-C.")]
_EVERY = 2.0


def status(
    *,
    database: DatabaseOption = None,
    watch: WatchOption = False,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Show the jobs of a fleet and its workers.

    Of each job the last time it was submitted: its state, site and worker, and how far it is. What a worker
    says about its jobs is a few seconds old.
    """
    with guarded(as_json=as_json, log_level=log_level):
        place = database_of(database)
        if watch and as_json:
            raise ConfigError("--watch and --json do not go together: ask for --json as often as you like")
        if watch:
            _watch(place)
        elif as_json:
            print_json(_document(place))
        else:
            from rich.console import Console

            Console(width=None).print(_tables(_document(place)))


def _document(place: Database) -> dict[str, Any]:
    from bulkseg.fleet.schema import connected
    from bulkseg.fleet.status import document
    from bulkseg.fleet.terms import Terms

    with connected(place) as connection:
        return document(connection, Terms.of())


def _watch(place: Database) -> None:
    import time

    from rich.live import Live

    from bulkseg.errors import CheckpointError

    with Live(_tables(_document(place)), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(_EVERY)
            try:
                shown: Any = _tables(_document(place))
            except CheckpointError as error:
                shown = str(error)  # the database is away; it may come back
            live.update(shown, refresh=True)


def _tables(shown: dict[str, Any]) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    # Narrow enough for 80 columns with names of the usual length.
    jobs = Table("job", "site", "state", "worker", box=None, pad_edge=False, collapse_padding=True)
    for column in ("done", "failed", "waiting", "rate"):
        jobs.add_column(column, justify="right")
    jobs.add_column("since")
    jobs.add_column("exit", justify="right")
    for one in shown["jobs"]:
        cells = (one["job"], one["site"], one["state"], one["worker"] or "", _done(one))
        others = (_figure(one["failed"]), _figure(one["waiting"]), _rate(one["rate"]), _time(one["since"]))
        jobs.add_row(*map(Text, (*cells, *others, _figure(one["exit"]))))
    workers = Table("worker", "state", "sites", "last heard of", box=None, pad_edge=False)
    for one in shown["workers"]:
        state = "alive" if one["alive"] else "silent"
        sites = f"{one['running']} of {one['sites']}"
        workers.add_row(*map(Text, (one["worker"], state, sites, _time(one["last_heartbeat"]))))
    notes = [Text(f"{one['job']}: {one['why']}") for one in shown["jobs"] if one["why"]]
    return Group(jobs, *notes, Text(), workers)


def _done(one: dict[str, Any]) -> str:
    return "" if one["done"] is None else f"{one['done']:,}/{one['total']:,}"


def _time(iso: str | None) -> str:
    """By the clock here, or the day where it was another one."""
    if iso is None:
        return ""
    at, now = datetime.fromisoformat(iso).astimezone(), datetime.now().astimezone()
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%m-%d}"


def _figure(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}/s"
