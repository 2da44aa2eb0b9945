"""Writes the search expressions of the API: `{property}{= != > < >= <=}{value}`, `*` a wildcard."""

from __future__ import annotations


def quote(value: str) -> str:
    """A value in single quotes, a quote in it doubled: `O'Brien` is `'O''Brien'`.

    A `*` cannot be escaped and finds more than itself: what comes back has to be compared again.
    """
    return "'" + value.replace("'", "''") + "'"


def by_name(name: str) -> str:
    """Finds what is called `name`: `name='O''Brien'`."""
    return f"name={quote(name)}"
