"""`bulkseg sandbox`: the local Eloqua, served until a signal."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded
from bulkseg.sandbox.settings import Kept, Names, Settings, Unique, Wins

if TYPE_CHECKING:
    from bulkseg.sandbox import Sandbox

DEFAULTS = Settings()

HostOption = Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")]
PortOption = Annotated[int, typer.Option(metavar="N", max=65535, help="0: a free one.")]
DbOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Keep the segments in a file, not in memory.")
]
LatencyOption = Annotated[float, typer.Option(metavar="SECONDS", help="How long an answer takes.")]
RateOption = Annotated[float | None, typer.Option(metavar="N", help="N requests a second; more get a 429.")]
FaultOption = Annotated[
    list[str] | None, typer.Option(metavar="KIND:EVERY", help="What goes wrong; may be repeated.")
]
UniqueOption = Annotated[Unique, typer.Option(metavar="HOW", help="A name that is taken: accept, 400, 409.")]
NoConflictingIdOption = Annotated[
    bool, typer.Option("--no-conflicting-id", help="A taken name: without the id that has it.")
]
NamesOption = Annotated[Names, typer.Option(metavar="HOW", help="What becomes of a name: exact, trim, fold.")]
FolderOption = Annotated[Kept, typer.Option(metavar="HOW", help="A body's folderId: honoured, ignored.")]
DescriptionOption = Annotated[
    Kept, typer.Option(metavar="HOW", help="A body's description: honoured, ignored.")
]
CopyNameOption = Annotated[Wins, typer.Option(metavar="WHOSE", help="The name of a copy: asked, source.")]
CopyElementsOption = Annotated[
    Wins, typer.Option(metavar="WHOSE", help="The elements of a copy: asked, source.")
]
SearchLagOption = Annotated[float, typer.Option(metavar="SECONDS", help="Until a new segment is listed.")]
OauthOption = Annotated[bool, typer.Option("--oauth", help="Print the variables for OAuth 2.0.")]
TokenLifeOption = Annotated[float, typer.Option(metavar="SECONDS", help="How long an access token is good.")]

EXAMPLES = """\
bulkseg sandbox --port 8080
bulkseg sandbox --port 8080 --latency 0.03 --fault lost:20 --unique 409
"""


def sandbox(
    *,
    host: HostOption = DEFAULTS.host,
    port: PortOption = DEFAULTS.port,
    db: DbOption = DEFAULTS.db,
    latency: LatencyOption = DEFAULTS.latency,
    rate: RateOption = DEFAULTS.rate,
    fault: FaultOption = None,
    unique: UniqueOption = DEFAULTS.unique,
    no_conflicting_id: NoConflictingIdOption = False,
    names: NamesOption = DEFAULTS.names,
    folder: FolderOption = DEFAULTS.folder,
    description: DescriptionOption = DEFAULTS.description,
    copy_name: CopyNameOption = DEFAULTS.copy_name,
    copy_elements: CopyElementsOption = DEFAULTS.copy_elements,
    search_lag: SearchLagOption = DEFAULTS.search_lag,
    oauth: OauthOption = False,
    token_life: TokenLifeOption = DEFAULTS.token_life,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Serve a local Eloqua to rehearse against.

    Prints the variables to use it with, to be pasted into another terminal. KIND is lost, hang, broken-off,
    500-after, 503-after (made all the same), cut, 500-before or html-502 (not made); lost:7 hits every
    seventh create or copy.
    """
    with guarded(log_level=log_level):
        from bulkseg.sandbox import parse_fault, run

        settings = Settings(
            host=host,
            port=port,
            db=db,
            latency=latency,
            rate=rate,
            faults=tuple(parse_fault(text) for text in fault or ()),
            unique=unique,
            conflicting_id=not no_conflicting_id,
            names=names,
            folder=folder,
            description=description,
            copy_name=copy_name,
            copy_elements=copy_elements,
            search_lag=search_lag,
            token_life=token_life,
        )
        run(settings, partial(_announce, oauth=oauth))


def _announce(sandbox: Sandbox, *, oauth: bool) -> None:
    """What a shell can read on stdout, what a person wants to know on stderr."""
    from bulkseg.sandbox import environment, token_environment

    variables = token_environment(sandbox) if oauth else environment(sandbox.url)
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo(f"the sandbox listens at {sandbox.url}; Ctrl-C ends it", err=True)
