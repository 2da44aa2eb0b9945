"""`bulkseg fleet cancel`: takes jobs out of the queue, or stops them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.fleet.shared import DatabaseOption, database_of
from bulkseg.cli.guard import guarded, print_json

EXAMPLES = """\
bulkseg fleet cancel nightly
bulkseg fleet cancel jobs/nightly.toml jobs/weekly.toml
"""

NamesArgument = Annotated[
    list[str], typer.Argument(metavar="JOB", help="Jobs, by their files or their names in `fleet status`.")
]
_DONE = {
    "queued": "taken out of the queue",
    "running": "told to stop; what is under way is recorded first",
    None: "neither queued nor running",
}


def cancel(
    jobs: NamesArgument,
    *,
    database: DatabaseOption = None,
    var: options.VarOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Take jobs out of the queue, or stop them.

    A job that is running finishes and records what is under way. What was made stays made, and on record:
    submitted once more, the job goes on from there.
    """
    with guarded(as_json=as_json, log_level=log_level):
        place = database_of(database)
        from bulkseg.fleet.order import name_of
        from bulkseg.fleet.submit import cancel as take_out
        from bulkseg.job import load_job
        from bulkseg.remote import is_url, place_of

        overrides = options.parse_vars(var)
        names = [
            name_of(load_job(place_of(job), overrides)) if is_url(job) or Path(job).exists() else job
            for job in jobs
        ]
        done = take_out(place, names)
        if as_json:
            print_json({"jobs": [{"job": name, "was": was} for name, was in done], "exit": 0})
        else:
            typer.echo("\n".join(f"{name}: {_DONE[was]}" for name, was in done))
