"""A long run with faults: 200,000 specs against the sandbox, and nothing that grows or is made twice.

`python -m benchmarks.soak [ROWS]` runs in this process, so that tasks can be counted too, and ends by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import linear_regression

import psutil
import uvloop

from benchmarks import children, source
from benchmarks.dispatching import Silent
from benchmarks.report import Budget, Report, keep, show
from bulkseg.checkpoint import read
from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.observe import Tally
from bulkseg.pipeline import RunOptions, Summary, run
from bulkseg.sandbox.store import Store
from bulkseg.stop import Stop

ROWS = 200_000
SAMPLES_A_SECOND = 2
# Made and not told, in three ways; not made, in two.
FAULTS = ("lost:1500", "503-after:1700", "broken-off:1900", "cut:2100", "500-before:2300")
JOB = """
[job]
name = "soak"
[source]
path = "rows.csv"
[[segment]]
template = "soak"
name = "{{ name }}"
description = "{{ description }}"
[limits]
rate = 100000
concurrency = 64
settle = "3s"
timeout = "5s"
max_attempts = 10
"""
# What may come on top in the second half of the run, by the line through its samples.
GROWTH = {"MiB": 20.0, "files": 4.0, "tasks": 8.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds so many seconds after the start; `done` is how many specs have ended."""

    seconds: float
    mib: float
    files: int
    tasks: int
    done: int


@dataclass(frozen=True, slots=True)
class Made:
    """Both sides in the end: what the server holds, and what the checkpoint says."""

    segments: int
    twice: int
    missing: int
    wrong_ids: int
    not_created: int

    @property
    def once(self) -> bool:
        return not (self.twice or self.missing or self.wrong_ids or self.not_created)


class Watcher(Silent):
    """Knows the tally of the run, once it has begun."""

    def __init__(self) -> None:
        self.tally = Tally()

    def started(self, job: str, run: int, tally: Tally) -> None:  # noqa: ARG002  # the observer's signature
        self.tally = tally


def soak(rows: int) -> Report:
    """One run of so many specs, looked at twice a second; then both sides are compared."""
    with children.folder() as folder:
        source.write(folder / "rows.csv", rows)
        (folder / "soak.toml").write_text(JOB, encoding="utf-8")
        store = folder / "sandbox.db"
        began = time.monotonic()
        with sandbox(store) as environ:
            summary, samples = uvloop.run(watched(folder / "soak.toml", environ))
        seconds = time.monotonic() - began
        made = compare(store, folder / "soak.checkpoint", rows)
    told = f"{summary.requests.sent:,} requests, {summary.requests.searches:,} searches and lists"
    return Report(
        f"soak: {rows:,} specs with faults in {seconds:.0f} s, {told}",
        [asdict(sample) for sample in thinned(samples)],
        [*growth_budgets(samples), Budget(f"each made exactly once: {asdict(made)}", made.once)],
    )


async def watched(job: Path, environ: Mapping[str, str]) -> tuple[Summary, list[Sample]]:
    """Run the job; give what it came to, and the samples."""
    watcher, samples = Watcher(), list[Sample]()
    looking = asyncio.create_task(_sample(watcher, samples))
    site = load_site(environ=environ)
    summary = await run(load_job(job), RunOptions(), site, observer=watcher, stop=Stop())
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    return summary, samples


async def _sample(watcher: Watcher, samples: list[Sample]) -> None:
    """Now and then, and once more when it is cancelled: a run may be over before the first is due."""
    process, began = psutil.Process(), time.monotonic()
    try:
        while True:
            await asyncio.sleep(1 / SAMPLES_A_SECOND)
            samples.append(_look(process, began, watcher))
    finally:
        samples.append(_look(process, began, watcher))


def _look(process: psutil.Process, began: float, watcher: Watcher) -> Sample:
    return Sample(
        seconds=time.monotonic() - began,
        mib=process.memory_info().rss / 2**20,
        files=process.num_fds(),
        tasks=len(asyncio.all_tasks()),
        done=watcher.tally.done,
    )


def growth_budgets(samples: Sequence[Sample]) -> list[Budget]:
    """Whether memory, open files or tasks grow in the second half of the sending."""
    sending = [one for one in samples if one.done]
    half = sending[len(sending) // 2 :]
    times = [one.seconds for one in half]
    held = {"MiB": [one.mib for one in half], "files": [one.files for one in half]}
    held["tasks"] = [one.tasks for one in half]
    found = {what: rise(times, values) for what, values in held.items()}
    return [
        Budget(f"{more:+.1f} {what} in the second half, at most {GROWTH[what]:g}", more <= GROWTH[what])
        for what, more in found.items()
    ]


def rise(times: Sequence[float], values: Sequence[float]) -> float:
    """By how much the line of least squares through the values rises from the first time to the last."""
    if times[0] == times[-1]:
        return 0.0
    return linear_regression(times, values).slope * (times[-1] - times[0])


def thinned(samples: Sequence[Sample], most: int = 20) -> Sequence[Sample]:
    """Some of them, evenly, so that the table fits a screen."""
    step = -(-len(samples) // most)
    return samples[::step]


def compare(store: Path, checkpoint: Path, rows: int) -> Made:
    """What the sandbox's file holds against what the checkpoint says."""
    with closing(Store(store, time.time)) as server:
        there = {str(asset.id): asset.name for asset in server.segments()}
    counted = Counter(there.values())
    wanted = set(source.names(rows))
    with read(checkpoint) as reader:
        specs = [(spec.segment_id, spec.name, str(spec.state)) for spec in reader.specs()]
    return Made(
        segments=len(there),
        twice=sum(count - 1 for count in counted.values()),
        missing=len(wanted - set(counted)),
        wrong_ids=sum(there.get(str(number)) != name for number, name, _ in specs),
        not_created=rows - sum(state == "created" for _, _, state in specs),
    )


@contextlib.contextmanager
def sandbox(store: Path) -> Iterator[dict[str, str]]:
    """The real one in a process of its own, with the faults; gives the variables that lead there."""
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    command = [sys.executable, "-m", "bulkseg", "sandbox", "--db", str(store), *faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            yield {**os.environ, **_variables(child)}
        finally:
            child.terminate()


def _variables(child: subprocess.Popen[str]) -> dict[str, str]:
    """From lines such as `export ELOQUA_USER=demo`, of which the last is the base URL's."""
    found: dict[str, str] = {}
    for line in child.stdout or ():
        name, _, value = shlex.split(line)[1].partition("=")
        found[name] = value
        if name == "ELOQUA_BASE_URL":
            break
    return found


def main() -> int:
    """0 when all budgets are kept, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    report = soak(parser.parse_args().rows)
    show(report)
    print(f"figures: {keep('soak', report, {})}")
    return 0 if all(budget.kept for budget in report.budgets) else 1


if __name__ == "__main__":
    sys.exit(main())
