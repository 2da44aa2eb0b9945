"""Stand-ins for what the dispatcher works with: a site that answers as told, a ledger that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bulkseg.clock import Clock
from bulkseg.dispatch import Dispatcher
from bulkseg.health import Health
from bulkseg.job import Count
from bulkseg.model import Action, Intent, Made, Outcome, Record, Spec, Task
from bulkseg.observe import Tally
from bulkseg.outcome import Hold
from bulkseg.stop import Stop

CLOCK = Clock(chance=lambda: 0.0)


def spec(number: int, source_id: str = "") -> Spec:
    name = f"s {number}"
    action = Action.COPY if source_id else Action.CREATE
    body = orjson.dumps({"name": name})
    return Spec(
        f'["t","{name}"]', "t", action, name, name, source_id, body, f"h{number}", "s.csv", number + 1
    )


def tasks(count: int, source_id: str = "") -> list[Task]:
    return [Task(number, spec(number, source_id)) for number in range(1, count + 1)]


def made(one: Spec) -> Made:
    return Made(201, f"id of {one.name}", one.name)


@dataclass
class Site:
    """Answers with what `answer` says; counts what is under way."""

    answer: Callable[[Spec], Outcome] = made
    delay: float = 0.0
    sent: list[Spec] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    before: Callable[[Spec], None] = lambda _: None
    free: bool = True
    turns: int = 0

    async def turn(self) -> None:
        self.turns += 1

    def try_turn(self) -> bool:
        self.turns += self.free
        return self.free

    async def send(self, one: Spec) -> Outcome:
        self.before(one)
        self.sent.append(one)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.delay)
        self.under_way -= 1
        return self.answer(one)

    def look(self) -> None: ...


@dataclass
class Ledger:
    """Remembers what was intended and recorded, in the order in which it became durable."""

    delay: float = 0.0
    events: list[Intent | Record] = field(default_factory=list)
    fault: Callable[[Sequence[Intent | Record]], None] = lambda _: None

    async def intend(self, intents: Sequence[Intent]) -> None:
        await self._keep(intents)

    async def record(self, records: Sequence[Record]) -> None:
        await self._keep(records)

    async def _keep(self, items: Sequence[Intent | Record]) -> None:
        await asyncio.sleep(self.delay)
        self.fault(items)
        self.events.extend(items)

    @property
    def intents(self) -> list[Intent]:
        return [event for event in self.events if isinstance(event, Intent)]

    @property
    def records(self) -> list[Record]:
        return [event for event in self.events if isinstance(event, Record)]

    def open(self) -> int:
        """How many specs would be in doubt if everything died now."""
        last = {event.id: event for event in self.events}
        return sum(isinstance(event, Intent) for event in last.values())


class Watching:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str, str]] = []
        self.notices: list[str] = []
        self.told: list[dict[str, Any]] = []

    def started(self, *_: Any) -> None: ...
    def ended(self, *_: Any) -> None: ...
    def failed(self, one: Spec, state: str, error: str, _request_id: str | None) -> None:
        self.failures.append((one.name, state, error))

    def notice(self, event: str, **fields: Any) -> None:
        self.notices.append(event)
        self.told.append(fields)


@dataclass
class Bench:
    """A dispatcher and all that it works with."""

    site: Site = field(default_factory=Site)
    ledger: Ledger = field(default_factory=Ledger)
    concurrency: int = 4
    clock: Clock = CLOCK
    stop: Stop = field(default_factory=Stop)
    tally: Tally = field(default_factory=Tally)
    watching: Watching = field(default_factory=Watching)
    held: list[Hold] = field(default_factory=list)

    def dispatcher(self, hold: Callable[[Hold], None] | None = None) -> Dispatcher:
        return Dispatcher(
            site=self.site,
            ledger=self.ledger,
            health=Health(Count(1_000_000), 60.0, self.clock),
            observer=self.watching,
            tally=self.tally,
            clock=self.clock,
            stop=self.stop,
            concurrency=self.concurrency,
            hold=hold or self.held.append,
        )

    async def run(self, wanted: Sequence[Task]) -> None:
        await asyncio.wait_for(self.dispatcher().run(source(wanted)), 20)


async def source(*batches: Sequence[Task]) -> AsyncIterator[Sequence[Task]]:
    for batch in batches:
        yield batch
