"""Gathers what is wrong in an input, to tell all of it at once: the first ones in full, then a count."""

from __future__ import annotations

from bulkseg.errors import InputError, Problem

SHOWN = 100


class Problems:
    """Takes problems one by one; `refuse` raises them together."""

    def __init__(self) -> None:
        self._first: list[Problem] = []
        self.total = 0

    def add(self, problem: Problem) -> None:
        """One more."""
        self.total += 1
        if len(self._first) < SHOWN:
            self._first.append(problem)

    def refuse(self) -> None:
        """Raises InputError if there are any."""
        if self.total:
            raise InputError(self._first, self.total)
