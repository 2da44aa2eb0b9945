"""`bulkseg demo`: the example job against the sandbox, from its start to a second run that sends nothing."""

from __future__ import annotations

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded

EXAMPLES = """\
bulkseg demo
"""


def demo(*, log_level: options.LogLevelOption = "info") -> None:
    """See it work, against a local Eloqua.

    Makes 747 segments for the world's countries, then runs again to show that nothing is sent twice. Needs no
    account and reaches no other machine, whatever ELOQUA_... says. Its files go into bulkseg-demo/ in
    the current folder; each demo starts afresh.
    """
    with guarded(log_level=log_level):
        from bulkseg.cli.tour import tour

        raise typer.Exit(tour(log_level))
