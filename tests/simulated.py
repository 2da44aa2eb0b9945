"""The whole pipeline over a real checkpoint, in virtual time, against a server that a test has in its hand.

Nothing waits for a thread: what the checkpoint writes is on disk when the call returns, so that a run that is
cancelled leaves what one leaves that was killed between two steps of its event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks import virtual
from bulkseg import pace, pipeline, running
from bulkseg.checkpoint import Checkpoint, SpecRow, read, sqlite
from bulkseg.checkpoint.connect import connect
from bulkseg.checkpoint.writes import Contradiction, Work
from bulkseg.clock import Clock
from bulkseg.eloqua.discovery import Identity
from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.model import Answer, NoAnswer, Reply, Spec
from bulkseg.names import fold
from bulkseg.pipeline import RunOptions
from bulkseg.sandbox import environment
from bulkseg.stop import Stop
from bulkseg.summary import Summary
from tests.dispatching import Watching

# Unix time at which every simulation begins.
EPOCH = 1_760_000_000.0
SOMEBODY_ELSE = "77"


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one create request: made after `late` seconds or never, and answered so at once."""

    made: bool
    reply: Callable[[dict[str, str]], Reply]
    late: float = 0.0


def _answered(segment: dict[str, str]) -> Answer:
    return Answer(201, orjson.dumps(segment))


def _silent(_: dict[str, str]) -> NoAnswer:
    return NoAnswer(left=True, error="no answer")


FINE = Fault(made=True, reply=_answered)
LOST = Fault(made=True, reply=_silent)
CUT = Fault(made=False, reply=_silent)
LATE = Fault(made=True, reply=_silent, late=1.0)
BROKEN = Fault(made=True, reply=lambda _: Answer(201, b'{"id": "1', whole=False))
FAILED_AFTER = Fault(made=True, reply=lambda _: Answer(500, b""))
FAILED_BEFORE = Fault(made=False, reply=lambda _: Answer(503, b""))
THROTTLED = Fault(made=False, reply=lambda _: Answer(429, b""))


@dataclass
class Server:
    """Holds segments; shows each in lists and searches `lag` seconds after it was made.

    `unique` refuses a name that is taken ("409" names its holder, "400" does not); `kept` is what becomes of
    a name. Each create request takes the next of `faults`, and is fine when there is none.
    """

    lag: float = 0.0
    unique: str = "no"
    kept: Callable[[str], str] = str
    faults: list[Fault] = field(default_factory=list)
    user: str = "12"
    discovery: bool = True
    segments: list[dict[str, str]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    listed: int = 0

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time()

    def make(self, name: str, *, by: str | None = None, at: float | None = None) -> dict[str, str]:
        """A segment more, with the next id."""
        made = {
            "type": "ContactSegment",
            "id": str(100 + len(self.segments)),
            "name": self.kept(name),
            "createdBy": by or self.user,
            "createdAt": str(int(self.now() if at is None else at)),
            "asked": name,
            "shown": str((self.now() if at is None else at) + self.lag),
        }
        self.segments.append(made)
        return made

    def made(self, name: str) -> list[str]:
        """The ids of what was made for a name."""
        return [one["id"] for one in self.segments if one["asked"] == name]

    def _shown(self) -> list[dict[str, str]]:
        return [one for one in self.segments if float(one["shown"]) <= self.now()]

    async def sign_in(self) -> Identity:
        if self.discovery:
            return Identity("1", "Site", self.user, f"login {self.user}", "http://127.0.0.1:1")
        return Identity(None, None, None, f"login {self.user}", "http://127.0.0.1:1")

    async def rediscover(self) -> bool:
        return True

    async def send(self, spec: Spec) -> Reply:
        self.sent.append(spec.name)
        await asyncio.sleep(0.02)
        holder = next((one for one in self.segments if fold(one["name"]) == spec.folded), None)
        if holder is not None and self.unique != "no":
            return _taken(holder["id"] if self.unique == "409" else None)
        fault = self.faults.pop(0) if self.faults else FINE
        made: dict[str, str] = {}
        if fault.late:
            asyncio.get_running_loop().call_later(fault.late, partial(self.make, spec.name, by=self.user))
        elif fault.made:
            made = self.make(spec.name)
        await asyncio.sleep(0.02)
        return fault.reply(made)

    def permit(self, may_change: Callable[[], bool]) -> None:
        assert may_change()

    async def list(
        self, *, page: int = 1, order_by: str | None = None, last_updated_at: int | None = None
    ) -> Reply:
        assert order_by == "id ASC"
        self.listed += 1
        await asyncio.sleep(0.01)
        found = [one for one in self._shown() if int(one["createdAt"]) >= (last_updated_at or 0)]
        return _page(found[1000 * (page - 1) : 1000 * page], page, len(found))

    async def search(self, name: str) -> Reply:
        await asyncio.sleep(0.01)
        found = [one for one in self._shown() if one["name"].casefold() == name.casefold()]
        return _page(found, 1, len(found))

    async def get(self, segment_id: str, depth: str = "complete") -> Reply:
        assert depth == "complete"
        await asyncio.sleep(0.01)
        found = [one for one in self.segments if one["id"] == segment_id]
        return Answer(200, orjson.dumps(found[0])) if found else Answer(404, b"")


def _page(found: Sequence[dict[str, str]], page: int, total: int) -> Answer:
    return Answer(200, orjson.dumps({"elements": found, "page": page, "pageSize": 1000, "total": total}))


def _taken(holder: str | None) -> Answer:
    requirement = {"type": "UniquenessRequirement"} | ({"conflictingId": holder} if holder else {})
    error = {"type": "ObjectValidationError", "property": "name", "requirement": requirement}
    return Answer(409 if holder else 400, orjson.dumps([error]))


JOB = """\
[job]
name = "simulated"

[source]
path = "s.csv"
key = ["code"]

[[segment]]
template = "t"
name = "{{ name }}"

[limits]
rate = 100
concurrency = 4
max_attempts = 12
max_failures = 1000
"""


@dataclass
class World:
    """A job in a folder, its server, and a wall clock that is `jump` seconds off."""

    folder: Path
    server: Server = field(default_factory=Server)
    jump: float = 0.0
    watching: Watching = field(default_factory=Watching)

    def job(self, names: Iterable[str], *, if_exists: str = "fail", **limits: str) -> None:
        """Writes the job; limits are durations."""
        rows = [f'k{number},"{name}"' for number, name in enumerate(names, 1)]
        (self.folder / "s.csv").write_text("\n".join(["code,name", *rows, ""]), encoding="utf-8")
        more = "".join(f'{name} = "{value}"\n' for name, value in limits.items())
        results = f'\n[results]\nif_exists = "{if_exists}"\n'
        (self.folder / "s.toml").write_text(JOB + more + results, encoding="utf-8")

    async def run(self, *, kill_after: float | None = None, **options: Any) -> Summary | None:
        """One run to its end, or killed after so many seconds: then None."""
        loop = asyncio.get_running_loop()
        clock = Clock(
            now=lambda: EPOCH + loop.time() + self.jump,
            monotonic=loop.time,
            sleep=asyncio.sleep,
            chance=lambda: 0.5,
        )
        running_now = loop.create_task(
            pipeline.run(
                load_job(self.folder / "s.toml"),
                RunOptions(**options),
                load_site(None, environment("http://127.0.0.1:1")),
                observer=self.watching,
                stop=Stop(),
                clock=clock,
            )
        )
        done, _ = await asyncio.wait({running_now}, timeout=kill_after)
        if done:
            return running_now.result()
        running_now.cancel()
        await asyncio.wait({running_now})
        return None

    def rows(self) -> dict[str, SpecRow]:
        """What the checkpoint has on record, by name; nothing before there is one."""
        path = self.folder / "s.checkpoint"
        if not path.exists():
            return {}
        with read(path) as reader:
            return {row.name: row for row in reader.specs()}


def simulate(work: Callable[[], Any]) -> Any:
    """Runs `work` in virtual time."""
    return virtual.run(work())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """One world, with the pipeline put on its server and off its threads."""
    one = World(tmp_path)
    settle_in(monkeypatch, lambda: one.server)
    return one


def settle_in(monkeypatch: pytest.MonkeyPatch, server: Callable[[], Server]) -> None:
    """Puts the pipeline on that server and off its threads."""

    @asynccontextmanager
    async def connected(*_: Any, **__: Any) -> AsyncIterator[Server]:
        yield server()

    async def inline(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    async def batches(found: Iterator[Any]) -> AsyncIterator[Any]:
        for one in found:
            yield one

    async def written(checkpoint: Checkpoint, work: Work) -> None:
        await asyncio.sleep(0.001)
        _write_now(checkpoint, work)

    monkeypatch.setattr(pipeline, "connect", connected)
    monkeypatch.setattr(running, "threaded", batches)
    monkeypatch.setattr(asyncio, "to_thread", inline)
    monkeypatch.setattr(pace, "ceiling", lambda _: _NoCeiling())
    monkeypatch.setattr(sqlite, "connect_durably", connect)
    monkeypatch.setattr(Checkpoint, "intend", written)
    monkeypatch.setattr(Checkpoint, "record", written)


class _NoCeiling:
    """The real one goes by real time."""

    async def acquire(self) -> None: ...


def _write_now(checkpoint: Checkpoint, work: Work) -> None:
    """As the writer's thread does it, in this one."""
    journal, run = checkpoint._writer._journal, checkpoint._writer.run
    try:
        journal.write(work, run)
    except Contradiction:
        (error,) = journal.write_apart([work], run)
        if error is not None:
            raise error from None
