"""`bulkseg plan`: what a job comes to, before anything is sent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Protocol

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.job import Job
    from bulkseg.model import Spec
    from bulkseg.pipeline import Plan, RunOptions

EXAMPLES = """\
bulkseg plan segments.csv
bulkseg plan jobs/nightly.toml --var quarter=Q1 --json
bulkseg plan jobs/nightly.toml --online
bulkseg plan jobs/nightly.toml -o bodies.jsonl
"""

# So many are shown of each kind.
SHOWN = 5


class Placed(Protocol):
    """Something that has its place in a source."""

    @property
    def file(self) -> str:
        """The file, as the job names it."""

    @property
    def line(self) -> int:
        """The line, from 1."""


def plan(
    job: options.JobArgument,
    *,
    var: options.VarOption = None,
    source: options.SourceOption = None,
    checkpoint: options.CheckpointOption = None,
    retry_failed: options.RetryFailedOption = False,
    redo: options.RedoOption = False,
    rate: options.RateOption = None,
    online: options.OnlineOption = False,
    if_exists: options.IfExistsOption = None,
    make_folders: options.MakeFoldersOption = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Every request with its body, as JSON Lines."),
    ] = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Check a whole job; say what a run would send.

    Needs no credentials and sends nothing. + is what it would make, ~ what was made and is asked for
    otherwise now (not sent), - what is left out. A row that is wrong is shown as FILE:LINE: COLUMN: what is
    wrong, and the exit status is 2. --json shows the first specs with their bodies.

    With --online it signs in, and says which names stand there already (and what --if-exists makes of that),
    which copy sources and folders do not exist, and what is left to be made. It only reads.

    Exit status: 0 all is well; 1 something would fail there; 2 job or call wrong; 3 not let in, or nobody
    answers.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import pipeline
        from bulkseg.job import Job
        from bulkseg.location import located

        chosen = pipeline.RunOptions(
            checkpoint=located(checkpoint) if checkpoint else None,
            retry_failed=retry_failed,
            redo=redo,
            rate=rate,
            if_exists=if_exists,
            make_folders=make_folders,
        )
        read = Job.load(job, vars=options.parse_vars(var), source=source or None)
        if online and output is not None:
            raise ConfigError(
                "-o writes what the job asks for, without a look at the site: leave out --online"
            )
        if online:
            _plan_online(read, chosen, as_json=as_json, log_level=log_level)
        made = _planned(read, chosen, output)
        if as_json:
            print_json(document(made))
        else:
            _print(lines(made))


def _planned(job: Job, chosen: RunOptions, output: Path | None) -> Plan:
    from bulkseg import pipeline

    if output is None:
        return pipeline.plan(job, chosen)
    from bulkseg.results import bodies_file

    with bodies_file(output) as write:
        return pipeline.plan(job, chosen, each=write)


def _print(told: Iterable[str]) -> None:
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    typer.echo("\n".join(map(coloured, told) if colours else told))


def _plan_online(job: Job, chosen: RunOptions, *, as_json: bool, log_level: options.LogLevel) -> NoReturn:
    from bulkseg.cli import online
    from bulkseg.cli.session import attend, in_loop, watch
    from bulkseg.eloqua.sites import load_site
    from bulkseg.online import outlook

    site, watcher = load_site(job.site), watch("auto", log_level)
    found = in_loop(attend(lambda stop: outlook(job, chosen, site, observer=watcher, stop=stop), watcher))
    if as_json:
        print_json({**document(found.plan), "online": online.document(found), "exit": found.exit})
    else:
        _print([*lines(found.plan), *online.lines(found)])
    raise typer.Exit(found.exit)


def document(plan: Plan) -> dict[str, Any]:
    """What `plan --json` prints."""
    shown = {name: value for name, value in asdict(plan).items() if name != "first"}
    return {**shown, "checkpoint": str(plan.checkpoint), "first": [_spec(spec) for spec in plan.first]}


def _spec(spec: Spec) -> dict[str, Any]:
    named = ("key", "template", "action", "name", "source_id", "file", "line")
    folder = {"folder": spec.folder} if spec.folder else {}
    return {**{name: getattr(spec, name) for name in named}, **folder, "body": json.loads(spec.body)}


def lines(plan: Plan) -> Iterator[str]:
    """What `plan` prints for people; never wrapped, so that a place can be copied whole."""
    actions = ", ".join(f"{count:,} {action}" for action, count in plan.by_action.items())
    yield f"{plan.job}: {plan.rows:,} rows, {plan.specs:,} specs ({actions})"
    if len(plan.by_template) > 1:
        yield from (f"  {count:>10,}  {template}" for template, count in plan.by_template.items())
    yield from changes(plan)
    yield from counts(plan)
    yield f"checkpoint: {plan.checkpoint}"
    yield from (f"warning: {warning}" for warning in plan.warnings)


def changes(plan: Plan) -> Iterator[str]:
    """The first ones of what is made (`+`), made and asked for otherwise (`~`), and left out (`-`)."""
    made = (f"{shown.action}  {shown.name}" for shown in plan.first_to_send)
    yield from _few("+", plan.first_to_send, made, plan.to_send)
    changed = (f"{one.name}: made already, and asked for otherwise now" for one in plan.changed)
    yield from _few("~", plan.changed, changed, plan.changed_total)
    refused = (f"{shown.name}: {shown.error or shown.state}" for shown in plan.first_refused)
    yield from _few("-", plan.first_refused, refused, plan.not_retried)
    gone = (f"{shown.name}: {shown.state}, and gone from the source" for shown in plan.first_gone)
    yield from _few("-", plan.first_gone, gone, plan.gone)


def _few(sign: str, places: Sequence[Placed], words: Iterable[str], total: int) -> Iterator[str]:
    few = list(islice(zip(places, words, strict=False), SHOWN))
    yield from (f"  {sign} {place.file}:{place.line}  {what}" for place, what in few)
    if few and total > len(few):
        yield f"  {sign} and {total - len(few):,} more"


def counts(plan: Plan) -> Iterator[str]:
    """What is to send and what is not, and why."""
    from bulkseg.duration import duration

    time = f", about {duration(plan.seconds)} at {plan.rate:g} requests a second" if plan.to_send else ""
    yield f"  {plan.to_send:>10,}  to send{time}"
    others = {
        "in doubt: what became of them is found out first": _in_doubt(plan),
        "done already": plan.done,
        "refused in an earlier run, not tried again (--retry-failed does)": plan.not_retried,
        "made already and asked for otherwise now, not sent": plan.changed_total,
        "in the checkpoint, gone from the source; their segments stay": plan.gone,
    }
    yield from (f"  {count:>10,}  {what}" for what, count in others.items() if count)


def _in_doubt(plan: Plan) -> int:
    from bulkseg.model import State

    return sum(plan.states.get(state, 0) for state in (State.SENDING, State.UNKNOWN))


def coloured(line: str) -> str:
    """A line as a terminal shows it: the signs in the colours that terraform has made usual."""
    colour = {"  +": "green", "  ~": "yellow", "  -": "red"}.get(line[:3])
    return line if colour is None else typer.style(line[:3], fg=colour) + line[3:]
