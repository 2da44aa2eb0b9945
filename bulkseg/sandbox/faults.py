"""What the sandbox does to a request on purpose: the kinds of faults, and which request is hit by which.

===========  ==================  ==================================================================
kind         segment             what the client sees
===========  ==================  ==================================================================
lost         made                the connection closes without an answer
hang         made                nothing, until the client goes away
broken-off   made                an answer whose body ends in the middle of its Content-Length
500-after    made                500
503-after    made                503, which Eloqua documents for "a timeout processing the request"
cut          not made            the connection is reset
500-before   not made            500
html-502     not made            a gateway's 502, in HTML
===========  ==================  ==================================================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bulkseg.errors import ConfigError


class FaultKind(StrEnum):
    """The kinds of the table above."""

    LOST = "lost"
    HANG = "hang"
    BROKEN_OFF = "broken-off"
    ERROR_500_AFTER = "500-after"
    ERROR_503_AFTER = "503-after"
    CUT = "cut"
    ERROR_500_BEFORE = "500-before"
    HTML_502 = "html-502"

    @property
    def made(self) -> bool:
        """Whether the request takes effect all the same."""
        return self not in NOT_MADE


NOT_MADE = frozenset({FaultKind.CUT, FaultKind.ERROR_500_BEFORE, FaultKind.HTML_502})


@dataclass(frozen=True, slots=True)
class Fault:
    """Every `every`-th create or copy is hit by `kind`. Raises ConfigError where `every` is below 1."""

    kind: FaultKind
    every: int

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"fault {self.kind}:{self.every}: EVERY has to be 1 or more")


def parse_fault(text: str) -> Fault:
    """`KIND:EVERY`, as in `lost:7`. Raises ConfigError, which names the kinds there are."""
    kind, colon, every = text.partition(":")
    if kind not in set(FaultKind) or not colon or not (every.isascii() and every.isdigit()):
        raise ConfigError(
            f"fault {text!r}: write KIND:EVERY, as in lost:7 for every seventh create or copy;"
            f" the kinds are {', '.join(FaultKind)}"
        )
    return Fault(FaultKind(kind), int(every))


class Schedule:
    """Which fault hits which request: the same for the same order of requests.

    Where several are due at once, each hits a request of its own, the longest waiting one first; so that
    `lost:2` and `cut:2` hit every request between them.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._count = 0
        self._due: deque[FaultKind] = deque()

    def next(self) -> FaultKind | None:
        """Count one create or copy; the fault that hits it."""
        self._count += 1
        for fault in self._faults:
            # A kind waits once only, or faults that hit more often than requests come would pile up.
            if self._count % fault.every == 0 and fault.kind not in self._due:
                self._due.append(fault.kind)
        return self._due.popleft() if self._due else None
