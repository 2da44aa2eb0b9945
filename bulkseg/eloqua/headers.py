"""Reads the headers of an answer that bulkseg uses; one that is not what it says is taken as not there."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

# More digits than these are no pause but nonsense: a thousand million seconds are 31 years.
_SECONDS = re.compile(r"[0-9]{1,9}")
_LONGEST_TEXT = 200


def retry_after(value: str | None, date: str | None, now: float) -> float | None:
    """How long to wait, in seconds from 0, or None where the header is missing or makes no sense.

    Args:
        value: `Retry-After` in either of its forms, seconds or an HTTP date (RFC 9110, 10.2.3).
        date: the answer's `Date`. A date to wait for is compared with it, where it is there, because our
            clock may be wrong.
        now: our own clock, Unix time in seconds.
    """
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    until = _unix_time(value)
    if until is None:
        return None
    server_now = _unix_time(date) if date else None
    return max(0.0, until - (now if server_now is None else server_now))


def text(value: str | None) -> str | None:
    """A header to keep, cut and printable: aiohttp hands on bytes that are no UTF-8 as lone surrogates."""
    if not value:
        return None
    cut = value[:_LONGEST_TEXT]
    return cut if cut.isprintable() else "".join(char if char.isprintable() else "?" for char in cut)


def _unix_time(value: str) -> float | None:
    try:
        found = parsedate_to_datetime(value)
        # asctime's form names no zone; RFC 9110 says that it is UTC.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
