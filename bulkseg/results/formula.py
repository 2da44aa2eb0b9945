"""Which text a spreadsheet would run as a formula, were it a cell."""

from __future__ import annotations

# OWASP, "CSV Injection"; the full-width forms are taken for the plain ones in some locales.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that finds this text in a cell might run it."""
    return text.startswith(_STARTS)
