"""`bulkseg fleet init`: makes a database ready for a fleet."""

from __future__ import annotations

import typer

from bulkseg.cli import options
from bulkseg.cli.fleet.shared import DatabaseOption, database_of
from bulkseg.cli.guard import guarded, print_json

EXAMPLES = """\
bulkseg fleet init --database postgresql://bulkseg@db.example.com/bulkseg
"""


def init(
    *,
    database: DatabaseOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Make a database ready for a fleet.

    Makes what is missing there, or brings it forward after an update of bulkseg. It may be called at any
    time, and by several at once.
    """
    with guarded(as_json=as_json, log_level=log_level):
        place = database_of(database)
        from bulkseg.fleet.schema import make

        done = make(place)
        if as_json:
            print_json({"database": str(place), "done": done, "exit": 0})
        else:
            typer.echo(f"{place}: {done or 'ready already'}")
