"""Reads what was found by looking: a list shows less of a segment than the answer that was lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from bulkseg.answers import segment_of
from bulkseg.crew import each
from bulkseg.listing import Api, Ask
from bulkseg.model import Record, State, Task
from bulkseg.outcome import Retry, lesser_differences, may_differ
from bulkseg.stop import Stop


class Found:
    """One run's reconciled segments, as far as something in them may not be as it was asked for."""

    def __init__(self) -> None:
        self._found: list[tuple[Task, str]] = []

    def note(self, step: Record | Retry, task: Task) -> None:
        """What became of a doubt."""
        if isinstance(step, Retry) or step.state is not State.CREATED or step.segment_id is None:
            return
        if may_differ(task.spec):
            self._found.append((task, step.segment_id))

    async def read(
        self, api: Api, ask: Ask, warn: Callable[[int, str], None], *, hands: int, stop: Stop
    ) -> None:
        """Reads each one, and tells `warn` (by the number of the spec) what is not as it was asked for."""

        async def look(one: tuple[Task, str]) -> None:
            task, segment_id = one
            answer = await ask(partial(api.get, segment_id))
            found = segment_of(answer.body) if answer.status == HTTPStatus.OK else None
            for warning in lesser_differences(task.spec, found or {}):
                warn(task.id, warning)

        await each(self._found, look, hands=hands, stop=stop)
