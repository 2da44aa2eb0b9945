"""How long something lasts, in words."""

from __future__ import annotations

MINUTE, HOUR = 60, 3600


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`: as exact as is of use."""
    whole = round(seconds)
    if whole < 1:
        return f"{seconds:.1f} s"
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    return f"{whole // HOUR:,} h {whole % HOUR // MINUTE:02d} min"
