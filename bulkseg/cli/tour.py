"""What `bulkseg demo` shows, step by step."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path

import typer

from bulkseg.checkpoint import read
from bulkseg.cli import summary
from bulkseg.cli.options import LogLevel
from bulkseg.cli.session import in_loop, provision, watch
from bulkseg.eloqua.sites import Site, load_site
from bulkseg.job import Job, load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions
from bulkseg.results import write_results
from bulkseg.sandbox import Settings, environment, serve
from bulkseg.summary import Summary

FOLDER = "bulkseg-demo"
EXAMPLE = "countries.toml"
# How far away the sandbox pretends to be, in seconds: about a server on the same continent.
LATENCY = 0.03
IDS_SHOWN = 5

NEXT = f"""
What next:
  bulkseg status {FOLDER}/{EXAMPLE}  what the checkpoint knows
  bulkseg plan {FOLDER}/{EXAMPLE}    what a run would send now
  bulkseg sandbox    a local Eloqua that stays, to rehearse your own job against
  bulkseg run JOB    for real, with ELOQUA_COMPANY, _USER and _PASSWORD set"""


def tour(log_level: LogLevel) -> int:
    """Runs the whole demo; gives its exit status."""
    folder = _folder()
    job = load_job(folder / EXAMPLE)
    assert isinstance(job.checkpoint, Path)  # noqa: S101  # the example is ours
    _forget(job.checkpoint)
    return in_loop(_tour(job, folder, log_level))


async def _tour(job: Job, folder: Path, log_level: LogLevel) -> int:
    async with serve(Settings(latency=LATENCY)) as sandbox:
        variables = environment(sandbox.url)
        del variables["ELOQUA_BASE_URL"]  # so that it asks the login URL, as a real run does
        site = load_site(None, variables)
        typer.echo(f"A local Eloqua listens at {sandbox.url}. Against it:\nbulkseg run {job.path}\n")
        first = await _run(job, site, log_level)
        if first.exit:
            return first.exit
        _show(job, folder / "results.csv")
        typer.echo("\nThe same command once more. What is done is not sent again:\n")
        again = await _run(job, site, log_level)
    typer.echo(NEXT)
    return again.exit


async def _run(job: Job, site: Site, log_level: LogLevel) -> Summary:
    done = await provision(job, site, RunOptions(), watch("auto", log_level))
    typer.echo("\n".join(summary.outcome(done.document())))
    return done


def _show(job: Job, output: Path) -> None:
    typer.echo("\nSome of the segments, with the ids that the server gave them:")
    with read(job.checkpoint) as reader:
        for spec in islice(reader.specs([State.CREATED]), IDS_SHOWN):
            typer.echo(f"  {spec.segment_id:>6}  {spec.name}")
        write_results(reader.specs(), output)
    typer.echo(f"\nThe checkpoint: {job.checkpoint}\nAll results:    {output}")


def _folder() -> Path:
    """The demo's folder with the example in it: here, or in a temporary one where nothing can be written."""
    here = Path.cwd()
    parent = Path() if os.access(here, os.W_OK) else Path(tempfile.mkdtemp())
    with as_file(_examples()) as examples:
        # A checkout's examples may have been run where they lie.
        left_out = shutil.ignore_patterns("*.checkpoint*")
        return Path(shutil.copytree(examples, parent / FOLDER, ignore=left_out, dirs_exist_ok=True))


def _examples() -> Traversable:
    """Where the example jobs lie: in the installed package, or beside it in a checkout."""
    installed = files("bulkseg") / "examples"
    return installed if installed.is_dir() else files("bulkseg") / ".." / "jobs"


def _forget(checkpoint: Path) -> None:
    """Takes the last demo's checkpoint away, with the two files that SQLite may have left beside it."""
    for end in ("", "-wal", "-shm"):
        checkpoint.with_name(checkpoint.name + end).unlink(missing_ok=True)
