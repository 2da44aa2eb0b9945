"""`bulkseg init`: a first job file from the columns of a data file."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.starter import Guess, Head

EXAMPLES = """\
bulkseg init regions.csv
bulkseg init exports/regions.xlsx -o jobs/nightly.toml --yes
"""


def init(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A data file (.csv .tsv .parquet .xlsx).")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The job file; none: beside DATA, called after it."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a job file that is there.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing, take what is guessed.")] = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Write a job file for the columns of a data file.

    Reads the first rows, guesses which columns name a segment and which tell its row apart, and at a terminal
    asks whether that is right. What is written works as it is: `bulkseg plan` checks it. The comments in it
    say what else a job can do.
    """
    with guarded(log_level=log_level):
        from bulkseg.starter import guess, job_text, read_head

        job = output or _beside(data)
        if job.suffix.lower() != ".toml":
            raise ConfigError(f"{job}: a job file's name ends with .toml")
        if job.exists() and not force:
            raise ConfigError(f"{job} is there already: --force writes over it, -o FILE takes another name")
        head = read_head(data)
        guessed = guess(head)
        if not yes and sys.stdin.isatty() and sys.stderr.isatty():
            guessed = _asked(head, guessed)
        text = job_text(head, guessed, source=os.path.relpath(data, job.parent), checkpoint=_checkpoint(job))
        try:
            job.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{job} cannot be written: {error.strerror}") from error
        typer.echo(f"{job}: {_told(guessed)}\nnext:\n  bulkseg plan {shlex.quote(str(job))}")


def _beside(data: Path) -> Path:
    from bulkseg.job.loading import DATA_ENDINGS

    for ending in sorted(DATA_ENDINGS, key=len, reverse=True):
        if data.name.lower().endswith(ending):
            return data.with_name(f"{data.name[: -len(ending)]}.toml")
    raise ConfigError(f"{data} is no data file: its name has to end with one of {', '.join(DATA_ENDINGS)}")


def _checkpoint(job: Path) -> str | None:
    """Another name for the checkpoint, where the data file has been run by itself and has the usual one."""
    from bulkseg.checkpoint import read

    usual = job.with_suffix(".checkpoint")
    if not usual.exists():
        return None
    with read(usual) as reader:
        return None if reader.meta.job == job.stem else f"{job.stem}-job.checkpoint"


def _told(guessed: Guess) -> str:
    name = " and ".join(guessed.name) or "the line, as no column tells rows apart"
    return f"the name is made of {name}; the key is {' and '.join(guessed.key) or 'the name'}"


def _asked(head: Head, guessed: Guess) -> Guess:
    from bulkseg.starter import Guess

    typer.echo(f"columns: {', '.join(head.columns)}", err=True)
    name = _ask("Which columns make the name", head.columns, guessed.name)
    return Guess(name, _ask("Which columns make the key (none: the name)", head.columns, guessed.key))


def _ask(question: str, columns: tuple[str, ...], guessed: tuple[str, ...]) -> tuple[str, ...]:
    """Columns, with commas between them; an empty answer takes what was guessed."""
    while True:
        typer.echo(f"{question}? [{', '.join(guessed)}] ", err=True, nl=False)
        answer = sys.stdin.readline().strip()
        if not answer:
            return guessed
        chosen = (answer,) if answer in columns else tuple(word.strip() for word in answer.split(","))
        unknown = [word for word in chosen if word not in columns]
        if not unknown:
            return chosen
        typer.echo(f"there is no column {', '.join(unknown)}", err=True)
