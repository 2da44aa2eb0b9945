"""`bulkseg resolve`: a person settles what could not be found out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.settle import Settled

EXAMPLES = """\
bulkseg resolve jobs/nightly.toml '["gold","A1","EMEA"]' --id 4711
bulkseg resolve jobs/nightly.toml "A1 EMEA gold Q4" --not-made
"""


def resolve(
    checkpoint: options.CheckpointArgument,
    key: options.KeyArgument,
    *,
    segment_id: options.IdOption = None,
    not_made: options.NotMadeOption = False,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Settle a spec that ended as unknown.

    A request whose answer was lost, and of which nobody could find out whether it was done, is never sent
    again unasked. Look in Eloqua, then say what you have found: give --id or --not-made. Asks no server, so
    the id is not checked: `bulkseg verify` does that. `bulkseg results --state unknown` shows the keys.

    Exit status: 0 settled; 2 there is no such spec, or the id cannot be, and nothing was changed; 4 another
    process is at it.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import settle
        from bulkseg.cli.session import in_loop
        from bulkseg.find import find_checkpoint
        from bulkseg.location import located

        if (segment_id is None) is not not_made:
            raise ConfigError("say what you have found out: either --id N, or --not-made")
        place = find_checkpoint(located(checkpoint))
        settled = in_loop(settle.resolve(place, key, segment_id))
        if as_json:
            shown = {"key": settled.key, "name": settled.name, "state": str(settled.state)}
            print_json({**shown, "segment_id": settled.segment_id, "exit": 0})
        else:
            typer.echo("\n".join(_lines(settled, shlex.quote(str(located(checkpoint))))))


def _lines(settled: Settled, checkpoint: str) -> list[str]:
    if settled.segment_id is None:
        return [f"{settled.key} is pending: the next run sends it", f"next:\n  bulkseg run {checkpoint}"]
    made = f'{settled.key} is created: "{settled.name}" has the id {settled.segment_id}'
    return [made, f"next:\n  bulkseg verify {checkpoint}"]
