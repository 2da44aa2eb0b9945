"""The nearest known word to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was most likely meant to be (case and separators aside), or None."""
    plain = {_plain(candidate): candidate for candidate in known}
    matches = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[matches[0]] if matches else None


def hint(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or the known words where none is near, ready to be put behind a message."""
    choices = list(known)
    match = nearest(word, choices)
    if match is not None:
        return f'; did you mean "{match}"?'
    return f"; known here: {', '.join(choices)}" if choices else ""


def _plain(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
