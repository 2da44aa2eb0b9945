"""`bulkseg undo`: the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.takeback import Asking, Undone
    from bulkseg.undo import Fate

EXAMPLES = """\
bulkseg undo jobs/migration.toml
bulkseg undo jobs/migration.checkpoint --yes --json
"""

NOT_CONFIRMED = "not confirmed; nothing was deleted"


def undo(
    checkpoint: options.CheckpointArgument,
    *,
    force: options.ForceOption = False,
    site: options.SiteOption = None,
    rate: options.RateOption = None,
    yes: options.YesToAllOption = False,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Delete what a checkpoint created, nothing else.

    Reads each segment first. It stays if its name or its creator is not the one on record (even with
    --force), or if somebody has changed it since. It asks first, and apart for those whose answer was lost
    and that were found afterwards. The same command goes on where it stopped. A run does not make undone
    ones again, but for --redo.

    Exit status: 0 all undone; 1 some kept or failed, or you said no; 2 the call is wrong or leads to another
    site; 3 stopped early; 4 another process is at it; 130 or 143 ended by a signal.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import takeback
        from bulkseg.cli.session import attend, in_loop, watch
        from bulkseg.eloqua.sites import load_site
        from bulkseg.find import find_job
        from bulkseg.location import located
        from bulkseg.visit import case_of

        if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ConfigError(
                "undo asks before it deletes, and nobody is here to answer: --yes answers for you"
            )
        path, job = find_job(located(checkpoint), {})
        case = case_of(path, job, rate)
        where = load_site(site or (job.site if job else None))
        watcher, question = watch("auto", log_level), Question(yes=yes)
        done = in_loop(
            attend(
                lambda stop: takeback.undo(
                    case, where, confirm=question, force=force, observer=watcher, stop=stop
                ),
                watcher,
                question,
            )
        )
        if done is None:
            if as_json:
                print_json({"stopped": NOT_CONFIRMED, "exit": 1})
            typer.echo(NOT_CONFIRMED, err=True)
            raise typer.Exit(1)
        if as_json:
            print_json(document(done))
        else:
            typer.echo("\n".join(lines(done)))
        raise typer.Exit(done.exit)


class Question:
    """Says yes to everything, or asks at the terminal. `open` while it waits for an answer."""

    def __init__(self, *, yes: bool) -> None:
        self.open = False
        self._yes = yes

    async def __call__(self, asking: Asking) -> bool:
        """Whether these may be deleted."""
        if self._yes:
            return True
        self.open = True
        said = _ask(asking)
        self.open = False
        return said


def _ask(asking: Asking) -> bool:
    from bulkseg.cli.session import agreed

    identity = asking.identity
    where = identity.site_name or identity.base_url
    typer.echo(f"site: {where} ({identity.base_url}), user: {identity.user_name}", err=True)
    if asking.reconciled:
        typer.echo("The answers to some creates were lost; by name, these seem to be theirs.", err=True)
        return agreed(f"Delete these {asking.count:,} segments at {where} as well?")
    return agreed(f"Delete {asking.count:,} segments at {where} as {identity.user_name}?")


def document(done: Undone) -> dict[str, Any]:
    """What `undo --json` prints."""
    report = done.report
    return {
        "job": done.job,
        "checkpoint": str(done.checkpoint),
        "site": done.site,
        "created": report.total,
        "undone": _documents(report.undone),
        "kept": _documents(report.kept),
        "failed": _documents(report.failed),
        "unknown": done.unknown,
        "stopped": done.stopped,
        "exit": done.exit,
    }


def _documents(fates: Sequence[Fate]) -> list[dict[str, Any]]:
    return [
        {
            "key": fate.target.key,
            "name": fate.target.name,
            "segment_id": fate.target.segment_id,
            "why": fate.why or None,
        }
        for fate in fates
    ]


def lines(done: Undone) -> Iterator[str]:
    """What `undo` prints for people: the three groups, with a reason for each that is still there."""
    report = done.report
    yield f"{done.job}: {report.total:,} created ({done.checkpoint})"
    for what, fates in (("undone", report.undone), ("kept", report.kept), ("failed", report.failed)):
        yield f"  {len(fates):>10,}  {what}"
    if report.total > report.done:
        yield f"  {report.total - report.done:>10,}  not looked at"
    for what, fates in (("kept", report.kept), ("failed", report.failed)):
        yield from (f"{what}: segment {_named(fate)}: {fate.why}" for fate in fates)
    if done.unknown:
        yield f"{done.unknown:,} specs are unknown and may have been made: settle them with `bulkseg resolve`"
    if done.stopped:
        yield f"stopped early: {done.stopped}; the same command goes on"


def _named(fate: Fate) -> str:
    return f'{fate.target.segment_id} "{fate.target.name}"'
