"""A checkpoint that a report can be made of, in few words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from bulkseg.model import State

START = 1_760_000_000.0


def ended(number: int, **other: Any) -> SimpleNamespace:
    """A spec that was created by run 1, ten a second, its answer after 100 ms; unless told otherwise."""
    sent = START + number / 10
    values: dict[str, Any] = {
        "key": f'["segment","S {number}"]',
        "name": f"S {number}",
        "state": State.CREATED,
        "http_status": 201,
        "error": None,
        "warning": None,
        "attempts": 1,
        "reconciled": False,
        "source": "s.csv",
        "line": number + 2,
        "request_id": None,
        "sent_at": sent,
        "done_at": sent + 0.1,
        "run": 1,
    }
    return SimpleNamespace(**(values | other))


def failed(number: int, error: str = "name: is taken", **other: Any) -> SimpleNamespace:
    return ended(number, **({"state": State.FAILED, "http_status": 400, "error": error} | other))


def run_of(number: int = 1, **other: Any) -> SimpleNamespace:
    requests = {"sent": 10, "searches": 2, "throttled": 3, "retried": 4}
    summary = {"requests": requests, "seconds": 12.5, "rate": 9.6, "stopped": None, "exit": 1}
    values = {"number": number, "started_at": START, "ended_at": START + 12.5, "summary": summary}
    return SimpleNamespace(**(values | other))


@dataclass
class Recorded:
    """What stands in for a checkpoint's reader."""

    made: Collection[Any]
    job: str = "nightly"
    all_runs: list[Any] = field(default_factory=lambda: [run_of()])

    @property
    def meta(self) -> Any:
        return SimpleNamespace(job=self.job, site="1234", rows=len(self.made), specs=len(self.made))

    def counts(self) -> dict[State, int]:
        return {state: sum(each.state is state for each in self.made) for state in State}

    def gone(self) -> int:
        return 0

    def runs(self) -> list[Any]:
        return self.all_runs

    def specs(self) -> Iterator[Any]:
        return iter(self.made)
