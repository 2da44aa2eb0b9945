"""The specs that failed or are unknown: as many as a page may hold, and their errors by kind."""

from __future__ import annotations

import html
import re
from collections import Counter

from bulkseg.model import State
from bulkseg.report.findings import Failure, Failures, Group, Groups, Spec

BAD = (State.FAILED, State.UNKNOWN)

# The table's share of the page, in bytes, so that the page stays under 1 MiB however many failed.
ROOM = 640 * 1024
_MARKUP = 120  # of a row, about
# A cell says no more than so many letters; the results have the whole of it.
LONGEST = 500
# Kinds of errors that are told apart at all, and those of them that are shown.
_KINDS = 1000
_SHOWN = 20

_QUOTED = re.compile(r'"[^"]*"|\'[^\']*\'|\d+')


class Failing:
    """Takes failures one by one."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._first: list[Failure] = []
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, Failure] = {}
        self._total = 0

    def add(self, spec: Spec) -> None:
        """One more."""
        failure = _failure(spec)
        self._total += 1
        self._room -= _size(failure)
        # Once one did not fit, none does: what is shown is the first part of the results.
        if self._room >= 0:
            self._first.append(failure)
        kind = _QUOTED.sub("…", failure.error)
        if kind in self._examples or len(self._examples) < _KINDS:
            self._examples.setdefault(kind, failure)
            self._counts[kind] += 1

    def failures(self) -> Failures:
        """The first ones, and how many there were."""
        return Failures(tuple(self._first), self._total)

    def groups(self) -> Groups:
        """The commonest kinds of errors, the commonest first."""
        commonest = self._counts.most_common(_SHOWN)
        groups = tuple(Group(count, self._examples[kind]) for kind, count in commonest)
        return Groups(groups, self._total - sum(count for _, count in commonest))


def _failure(spec: Spec) -> Failure:
    return Failure(
        state=spec.state,
        name=_cut(spec.name),
        key=_cut(spec.key),
        place=_cut(f"{spec.source}:{spec.line}"),
        error=_cut(spec.error or ""),
        attempts=spec.attempts,
        request_id=_cut(spec.request_id or ""),
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _size(failure: Failure) -> int:
    """Bytes that it takes in the page."""
    cells = (failure.name, failure.key, failure.place, failure.error, failure.request_id)
    return _MARKUP + sum(len(html.escape(cell).encode(errors="replace")) for cell in cells)
