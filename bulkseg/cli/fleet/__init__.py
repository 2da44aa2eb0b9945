"""`bulkseg fleet`: its commands, each in a file of its own."""

from __future__ import annotations

import typer

from bulkseg.cli.fleet import cancel as _cancel
from bulkseg.cli.fleet import init as _init
from bulkseg.cli.fleet import status as _status
from bulkseg.cli.fleet import submit as _submit
from bulkseg.cli.fleet import worker as _worker

__all__ = ["COMMANDS", "app"]

# With their examples.
COMMANDS = (
    (_init.init, _init.EXAMPLES),
    (_submit.submit, _submit.EXAMPLES),
    (_worker.worker, _worker.EXAMPLES),
    (_status.status, _status.EXAMPLES),
    (_cancel.cancel, _cancel.EXAMPLES),
)

app = typer.Typer(name="fleet", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """Share the jobs of many sites among many machines.

    Jobs wait in a PostgreSQL database, where their checkpoints lie too. Workers take them, one at a time of
    each site, and go on with those of a worker that died. Needs `pip install 'bulkseg[fleet]'`.
    """
