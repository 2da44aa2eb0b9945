"""The dispatcher alone, with its checkpoint or with nothing in the checkpoint's place; for `durability`."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from benchmarks.source import names
from bulkseg.checkpoint import Checkpoint, Draft, open_checkpoint
from bulkseg.clock import Clock
from bulkseg.dispatch import Dispatcher
from bulkseg.eloqua.client import connect
from bulkseg.eloqua.sites import load_site
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Count
from bulkseg.model import Action, Intent, Record, Spec, Task
from bulkseg.observe import Tally
from bulkseg.outcome import Hold
from bulkseg.pace import Pace
from bulkseg.recorder import Ledger
from bulkseg.stop import Stop

NO_LIMIT = 1_000_000.0
BATCH = 200


class Silent:
    """Nobody looks on."""

    def started(self, job: str, run: int, tally: Tally) -> None:
        """Says nothing."""

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """Says nothing."""

    def notice(self, event: str, **fields: Any) -> None:
        """Says nothing."""

    def ended(self, summary: dict[str, Any]) -> None:
        """Says nothing."""


class Nothing:
    """Keeps nothing: what the checkpoint is compared with."""

    async def intend(self, intents: Sequence[Intent]) -> None:
        """At once."""

    async def record(self, records: Sequence[Record]) -> None:
        """At once."""


def specs(rows: int) -> list[Spec]:
    """So many creates."""
    made = []
    for number, name in enumerate(names(rows), 1):
        body = orjson.dumps({"name": name, "description": "made by a benchmark"})
        key = orjson.dumps(["t", name]).decode()
        made.append(Spec(key, "t", Action.CREATE, name, name.lower(), "", body, str(number), "s.csv", number))
    return made


async def source(wanted: Sequence[Spec]) -> AsyncIterator[Sequence[Task]]:
    """All of them, numbered as the checkpoint does."""
    tasks = [Task(number, spec) for number, spec in enumerate(wanted, 1)]
    for first in range(0, len(tasks), BATCH):
        yield tasks[first : first + BATCH]


async def send(wanted: Sequence[Spec], ledger: Ledger, concurrency: int) -> int:
    """Send all; give how many were made."""
    clock, stop, tally = Clock(), Stop(), Tally()
    health = Health(Count(0), 60.0, clock)
    async with connect(load_site(), timeout=30.0, concurrency=concurrency) as server:
        await server.sign_in()
        gateway = Gateway(
            server=server,
            pace=Pace(NO_LIMIT, clock=clock),
            health=health,
            observer=Silent(),
            tally=tally,
            clock=clock,
            stop=stop,
        )
        await Dispatcher(
            site=gateway,
            ledger=ledger,
            health=health,
            observer=Silent(),
            tally=tally,
            clock=clock,
            stop=stop,
            concurrency=concurrency,
            hold=_refuse,
        ).run(source(wanted))
    return tally.created


def _refuse(step: Hold) -> None:
    raise RuntimeError(f"the benchmark's server lost an answer: {step.outcome.error}")


def merged(path: Path, wanted: Sequence[Spec]) -> Checkpoint:
    """A checkpoint of all of them, with a run begun."""
    checkpoint = open_checkpoint(path, job="benchmark", now=time.time())
    with Draft.open() as draft:
        draft.add(wanted)
        checkpoint.merge(draft, source_fingerprint="", job_fingerprint="", rows=len(wanted))
    checkpoint.begin_run(time.time(), datetime.now(UTC).date())
    return checkpoint


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatching", description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("concurrency", type=int)
    parser.add_argument("--checkpoint", type=Path)
    chosen = parser.parse_args()
    wanted = specs(chosen.rows)
    if chosen.checkpoint is None:
        made = uvloop.run(send(wanted, Nothing(), chosen.concurrency))
    else:
        with merged(chosen.checkpoint, wanted) as checkpoint:
            made = uvloop.run(send(wanted, checkpoint, chosen.concurrency))
    if made != chosen.rows:
        raise SystemExit(f"{made} made of {chosen.rows}; {os.environ.get('ELOQUA_LOGIN_URL')}")


if __name__ == "__main__":
    main()
