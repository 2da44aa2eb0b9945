"""How the figures of a report are written."""

from __future__ import annotations

from datetime import UTC, datetime

from bulkseg.duration import MINUTE, duration

_MANY = 10


def seconds(value: float) -> str:
    """`85 ms`, `1.2 s`, `45 s`, `3 min 20 s`, `2 h 05 min`."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < _MANY:
        return f"{value:.1f} s"
    return duration(value)


def clock(value: float) -> str:
    """Seconds since a start, as an axis has them: `0:05`, `12:30`, `1:02:00`."""
    minutes, rest = divmod(round(value), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rate(value: float) -> str:
    """Something a second, to a tenth: `9.6`, `10`, `1,200`."""
    return f"{value:,.1f}".removesuffix(".0")


def number(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def moment(value: float) -> str:
    """Unix time as people read it, in UTC: `2026-11-24 12:23:42`."""
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(value: float) -> str:
    """Unix time as machines read it, in UTC."""
    return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
