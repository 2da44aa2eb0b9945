"""What the pace makes of a dozen servers, in virtual time: the real dispatcher and pace, and no network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import orjson

from benchmarks import virtual
from benchmarks.dispatching import Nothing, Silent, specs
from benchmarks.report import Budget, Report
from benchmarks.servers import Bucket, Crowded, Server, Slowing, Windowed, steady, stepped
from bulkseg.dispatch import Dispatcher
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Count
from bulkseg.model import Answer, NoAnswer, Reply, Spec, Task
from bulkseg.observe import Tally
from bulkseg.outcome import Hold
from bulkseg.pace import Pace
from bulkseg.stop import Stop

# The most that may be refused, as a share of the requests.
REFUSED = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """A server, the job's rate, concurrency and size; `least` is the share of the possible to be reached."""

    name: str
    server: Callable[[], Server]
    rate: float = 200.0
    concurrency: int = 16
    specs: int = 900
    least: float = 0.85


@dataclass(slots=True)
class Seen:
    """What happened: answers by status, the times of those that made something, and the end."""

    statuses: Counter[int] = field(default_factory=Counter)
    made: list[float] = field(default_factory=list)
    ended: float = 0.0


CASES = (
    Case("40/s, no header", lambda: Windowed(steady(40))),
    Case("40/s, Retry-After: 1", lambda: Windowed(steady(40), retry_after=1.0)),
    Case("40/s, Retry-After: 0", lambda: Windowed(steady(40), retry_after=0.0)),
    Case("40/s, latency 300 ms", lambda: Windowed(steady(40), latency=0.3)),
    Case("7/s, long run", lambda: Windowed(steady(7)), specs=2_000),
    Case("150/s, long run", lambda: Windowed(steady(150)), specs=20_000),
    Case("60/s, then 20/s", lambda: Windowed(stepped((0, 60), (20, 20))), specs=2_000),
    Case("20/s, then 60/s", lambda: Windowed(stepped((0, 20), (30, 60))), specs=6_000),
    Case("80/s, 20/s, 80/s", lambda: Windowed(stepped((0, 80), (20, 20), (60, 80))), specs=6_000, least=0.8),
    Case("bucket of 80, 40/s", lambda: Bucket(40, 80), specs=2_000),
    # A rate is a poor stand-in for a limit on what is under way: safe, and slow to find.
    Case("4 at once, 100 ms", lambda: Crowded(4, 0.1), least=0.6),
    Case("slow beyond 50/s", lambda: Slowing(50)),
    Case("away for a minute", lambda: Windowed(steady(40), down=(5, 65)), least=0.6),
    Case("above the ceiling", lambda: Windowed(steady(1_000)), rate=50.0),
)


def measure(turns: int) -> Report:  # noqa: ARG001 - in virtual time every turn is the same
    """Share refused, share of the possible rate, and seconds until nine tenths of it are reached."""
    rows = [row(case) for case in CASES]
    budgets = [
        Budget(
            f"{case.name}: under {REFUSED:.0%} refused, at least {case.least:.0%} of what was possible",
            float(figures["refused"]) < REFUSED and float(figures["of possible"]) >= case.least,
        )
        for case, figures in zip(CASES, rows, strict=True)
    ]
    return Report("pace, simulated: the job's rate is 200 a second where nothing else is said", rows, budgets)


def row(case: Case) -> dict[str, float | str]:
    """One case's figures."""
    server = case.server()
    seen = virtual.run(simulate(case, server))
    answered = seen.statuses.total()
    possible = _possible(case, server, seen.ended)
    return {
        "server": case.name,
        "specs": case.specs,
        "made": len(seen.made),
        "seconds": round(seen.ended, 1),
        "refused": seen.statuses[429] / answered,
        "of possible": len(seen.made) / possible,
        "settled after s": _settled(case, server, seen),
    }


async def simulate(case: Case, server: Server) -> Seen:
    """Run the case's specs against its server."""
    clock, stop, tally, seen = virtual.clock(), Stop(), Tally(), Seen()
    health = Health(Count(case.specs), 3_600.0, clock)
    gateway = Gateway(
        server=_Line(server, seen),
        pace=Pace(case.rate, clock=clock, hard=_NoCeiling()),
        health=health,
        observer=Silent(),
        tally=tally,
        clock=clock,
        stop=stop,
    )
    dispatcher = Dispatcher(
        site=gateway,
        ledger=Nothing(),
        health=health,
        observer=Silent(),
        tally=tally,
        clock=clock,
        stop=stop,
        concurrency=case.concurrency,
        hold=_refuse,
    )
    await dispatcher.run(_source(specs(case.specs)))
    seen.ended = clock.monotonic()
    return seen


class _Line:
    """The way to a simulated server and back."""

    def __init__(self, server: Server, seen: Seen) -> None:
        self._server = server
        self._seen = seen
        self._in_flight = 0
        self._next_id = 0

    async def send(self, spec: Spec) -> Reply:
        loop = asyncio.get_running_loop()
        self._in_flight += 1
        reaction = self._server.react(loop.time(), self._in_flight)
        await asyncio.sleep(reaction.after)
        self._in_flight -= 1
        self._seen.statuses[reaction.status] += 1
        if reaction.status == 0:
            return NoAnswer(left=False, error="nobody is there")
        if reaction.status != 201:
            return Answer(reaction.status, b"", retry_after=reaction.retry_after)
        self._seen.made.append(loop.time())
        self._next_id += 1
        return Answer(201, orjson.dumps({"id": str(self._next_id), "name": spec.name}))

    async def rediscover(self) -> bool:
        raise RuntimeError("no simulated server asks for a sign-in")


class _NoCeiling:
    """The Throttler reads the real clock; the spacing alone keeps the rate here."""

    async def acquire(self) -> None:
        return None


async def _source(wanted: Sequence[Spec]) -> AsyncIterator[Sequence[Task]]:
    yield [Task(number, spec) for number, spec in enumerate(wanted, 1)]


def _refuse(step: Hold) -> None:
    raise RuntimeError(f"no simulated server loses an answer: {step.outcome.error}")


def _possible(case: Case, server: Server, seconds: float) -> float:
    """How many could have been made in that time, at the lower of the server's limit and the job's rate."""
    tenths = int(seconds * 10)
    return sum(min(case.rate, server.possible(tenth / 10)) for tenth in range(tenths)) / 10


def _settled(case: Case, server: Server, seen: Seen) -> float:
    """The first second in which nine tenths of what was possible were made."""
    by_second = Counter(int(at) for at in seen.made)
    for second in range(int(seen.ended)):
        possible = min(case.rate, server.possible(second))
        if possible and by_second[second] >= 0.9 * possible and second:
            return float(second)
    return float("nan")
