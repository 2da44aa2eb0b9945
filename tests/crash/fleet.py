"""Kills and pauses the workers of a fleet again and again, and counts what was made at each site.

Usage: python -m tests.crash.fleet [--workers N] [--sites N] [--specs N] [--every SECONDS] [--seed S]. Exit
status 1 if anything was made twice or lost, or a site saw more requests than its rate. As root each worker
has a process namespace of its own, as on a machine of its own: nobody can see that it is dead, and its lease
has to run out.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from tempfile import TemporaryDirectory

from bulkseg.checkpoint import read
from bulkseg.location import located
from bulkseg.model import State
from tests.cluster import running
from tests.fleets import Fleet, Worker, fleet

RATE = 20.0
TERMS = "beat=0.5,silent=3,poll=0.5,again=0.5,hurry=2,lease=3"
# A pause outlasts silence and lease, so that another worker has the job by the time that it ends.
PAUSE = 8.0
LONGEST = 600.0


@dataclass(slots=True)
class Trial:
    """What is done to the workers, and how often it was."""

    one: Fleet
    rng: random.Random
    every: float
    workers: list[Worker] = field(default_factory=list)
    kills: int = 0
    pauses: int = 0

    def start(self) -> None:
        """One worker more."""
        self.workers.append(self.one.worker(2, apart=_apart()))

    def torment(self, over: Callable[[], bool]) -> None:
        """One is paused, and one of the others killed and followed by a new one, until `over`."""
        while not over():
            paused = self.rng.choice(self.workers)
            with paused.paused():
                self.pauses += 1
                ends_at = time.monotonic() + PAUSE
                while time.monotonic() < ends_at and not over():
                    self._kill(paused)
                    time.sleep(self.rng.uniform(0.5, 1.5) * self.every)

    def _kill(self, spared: Worker) -> None:
        killed = self.rng.choice([worker for worker in self.workers if worker is not spared])
        self.workers.remove(killed)
        killed.kill()
        self.kills += 1
        _say(f"killed {killed.log.stem}")
        self.start()


def main(arguments: Sequence[str]) -> int:
    """Puts a fleet through it; the exit status."""
    parser = argparse.ArgumentParser(prog="fleet", description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--sites", type=int, default=8)
    parser.add_argument("--specs", type=int, default=300, help="at each site")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two kills, about")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311  # no secret
    asked = parser.parse_args(arguments)
    where = "as on a machine of its own" if _apart() else "in sight of the others"
    _say(f"seed {asked.seed}; each worker {where}")
    sites = ascii_lowercase[: asked.sites]
    with (
        running() as cluster,
        TemporaryDirectory() as folder,
        fleet(cluster, Path(folder), sites, TERMS) as one,
    ):
        trial = Trial(one, random.Random(asked.seed), asked.every)  # noqa: S311  # no secret
        return _put_through(trial, sites, asked.workers, asked.specs)


def _put_through(trial: Trial, sites: str, workers: int, specs: int) -> int:
    one = trial.one
    if one("init").status:
        raise RuntimeError("the database could not be made ready")
    jobs = [one.job(f"job-{site}", site, specs, rate=RATE) for site in sites]
    for _ in range(workers):
        trial.start()
    began = time.monotonic()
    waiting = one.start("submit", *jobs, "--wait", "--json")
    trial.torment(lambda: waiting.poll() is not None or time.monotonic() - began > LONGEST)
    seconds = time.monotonic() - began
    wrong = [] if waiting.poll() == 0 else [f"the jobs' exit status is {waiting.poll()}"]
    counted = [_counted(one, site, specs, wrong) for site in sites]
    _say(f"{'site':>6} {'made':>6} {'twice':>6} {'lost':>6} {'most/s':>7}")
    for site, (made, twice, lost, most) in zip(sites, counted, strict=True):
        _say(f"{site:>6} {made:>6} {twice:>6} {lost:>6} {most:>7}")
    made, twice, lost = (sum(each[column] for each in counted) for column in range(3))
    _say(
        f"{workers} workers, {len(sites)} sites, {trial.kills} kills and {trial.pauses} pauses "
        f"in {seconds:.0f} s: {made} made of {specs * len(sites)}, {twice} twice, {lost} lost; "
        f"at most {max(each[3] for each in counted)} requests in a second, {RATE:g} allowed"
    )
    for line in wrong:
        _say(f"WRONG: {line}")
    return 1 if wrong else 0


def _counted(one: Fleet, site: str, specs: int, wrong: list[str]) -> tuple[int, int, int, int]:
    """Made, made twice, lost, and the most requests in any second."""
    stats = one.made(site)
    with read(located(f"{one.url}#job-{site}")) as reader:
        created = sum(row.state is State.CREATED for row in reader.specs())
    made, twice = stats["made"], stats["made"] - stats["names"]
    most = _most(stats["requests"])
    if (made, twice, created) != (specs, 0, specs):
        wrong.append(f"site {site}: {made} made of {specs}, {twice} twice, {created} on record")
    if most > RATE + 2:  # a request may be a little late, and the next one not
        wrong.append(f"site {site}: {most} requests in a second")
    return made, twice, made - created, most


def _most(times: Sequence[float]) -> int:
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def _apart() -> bool:
    return os.geteuid() == 0 and shutil.which("unshare") is not None


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
