"""A fleet on this machine: a database of its own, a server for each site, workers as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import psycopg
from typer.testing import CliRunner

from benchmarks import children
from bulkseg.cli import app
from bulkseg.fleet.terms import VARIABLE
from tests.cluster import Cluster
from tests.integration.commands import COMMAND, Ended, environment

# So that what takes half a minute takes a second.
TERMS = "beat=0.2,silent=1.2,poll=0.2,again=0.2,hurry=1,lease=1.2"
LOOK, PATIENCE = 0.02, 40.0
# A process namespace of its own; whoever ends the outer process ends the inner one.
_APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

_numbers = count(1)


def until(what: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Waits until `what` gives something, which is given."""
    ends_at = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < ends_at, "it did not come to it in time"
        time.sleep(LOOK)
    return found


class Worker:
    """One worker, as a process; ended with the test. `apart`: no other one can see whether it is alive."""

    def __init__(self, fleet: Fleet, sites: int, *, apart: bool = False) -> None:
        self.log = fleet.folder / f"worker-{next(_numbers)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*(_APART if apart else ()), *COMMAND, "fleet", "worker", "--sites", str(sites)],
                cwd=fleet.folder,
                env=fleet.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it has logged so far of one event."""
        said = self.log.read_text().splitlines()
        assert all(line.startswith("{") for line in said), said
        return [line for line in map(json.loads, said) if line["event"] == event]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        for each in processes:
            each.suspend()
        try:
            yield
        finally:
            for each in processes:
                each.resume()


@dataclass(frozen=True, slots=True)
class Fleet:
    """`sites` are the servers by the site's name; `held` ends what was started."""

    url: str
    folder: Path
    sites: Mapping[str, children.Server]
    terms: str = TERMS
    held: ExitStack = field(default_factory=ExitStack)

    @property
    def environ(self) -> dict[str, str]:
        """The variables of every process of it."""
        theirs = {
            variable.replace("ELOQUA_", f"ELOQUA__{name.upper()}__"): value
            for name, server in self.sites.items()
            for variable, value in server.environ.items()
        }
        ours = {"BULKSEG_DATABASE": self.url, VARIABLE: self.terms, "NO_PROXY": "127.0.0.1"}
        return environment({**theirs, **ours})

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """`bulkseg fleet ...`, started."""
        process = subprocess.Popen(
            [*COMMAND, "fleet", *map(str, arguments)],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.held.callback(_end, process)
        return process

    def __call__(self, *arguments: object) -> Ended:
        """`bulkseg fleet ...`, to its end; in this process, which is quicker."""
        ended = CliRunner().invoke(app, ["fleet", *map(str, arguments)], env=self.environ)
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    def worker(self, sites: int = 1, *, apart: bool = False) -> Worker:
        """One more, once it takes jobs."""
        worker = self.held.enter_context(Worker(self, sites, apart=apart))
        until(lambda: worker.lines("worker_started"))
        return worker

    def job(self, name: str, site: str, specs: int, **limits: Any) -> Path:
        """A job file; quick to judge what is in doubt."""
        names = "".join(f"{name} {number}\n" for number in range(specs))
        (self.folder / f"{name}.csv").write_text(f"name\n{names}")
        given = {"rate": 60, "settle": "0.3s", "timeout": "1s", "give_up_after": "60s"} | limits
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items())
        job = self.folder / f"{name}.toml"
        job.write_text(
            f'[job]\nsite = "{site}"\n[source]\npath = "{name}.csv"\n'
            f'[[segment]]\nname = "{{{{ name }}}}"\n[limits]\n{lines}'
        )
        return job

    def jobs(self) -> dict[str, dict[str, Any]]:
        """What `fleet status` says of each job."""
        return {one["job"]: one for one in self("status", "--json").document["jobs"]}

    def runs(self, name: str) -> dict[str, Any]:
        """The record of a job, newest: when it began and ended, and its worker."""
        query = "SELECT * FROM bulkseg_fleet.fleet_job WHERE name = %s ORDER BY id DESC LIMIT 1"
        with psycopg.connect(self.url, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, (name,)).fetchone() or {}

    def busy(self, name: str, *workers: Worker) -> Worker:
        """The worker that has a job, once one has it."""

        def one() -> Worker | None:
            pid = str(self.runs(name).get("worker") or "").rpartition("-")[2]
            return next((worker for worker in workers if str(worker.pid) == pid), None)

        return until(one)

    @contextmanager
    def waiting(self, *jobs: Path) -> Iterator[subprocess.Popen[str]]:
        """Submitted, and waited for by a process, which prints a document."""
        yield self.start("submit", *jobs, "--wait", "--json")

    def all_made_once(self, site: str, specs: int) -> None:
        """What the site's server holds is what was asked for."""
        stats = self.made(site)
        assert (stats["made"], stats["names"]) == (specs, specs)

    def made(self, site: str, least: int = 0) -> dict[str, Any]:
        """What a site's server has seen, once it holds so many."""
        return until(lambda: stats if (stats := self.sites[site].stats())["made"] >= least else None)


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


@contextmanager
def fleet(
    cluster: Cluster, folder: Path, sites: str = "a", terms: str = TERMS, latency: float = 0.02
) -> Iterator[Fleet]:
    """One with a server for each letter of `sites`, over a database of its own, which is still empty."""
    name = f"fleet{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = urlsplit(cluster.url)._replace(path=f"/{name}").geturl()
    with ExitStack() as held:
        servers = {site: held.enter_context(children.server(latency)) for site in sites}
        yield Fleet(url, folder, servers, terms, held)
