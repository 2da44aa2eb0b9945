"""How the rate follows what the server says: the policy alone, as pure functions over one small state.

The job's rate is a ceiling. A refusal (429) shows where the server's own limit is: what it accepted in the
last second is the *knee*. The rate falls below the knee, rises to just under it, and stays there for a while
before it tries for more. With every try that is refused at about the same place the next one is further off:
a steady limit is not run into for ever, and one that has risen is found all the same.

Additive increase and multiplicative decrease are Chiu and Jain's (1989); to remember where it was refused is
TCP's slow-start threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Shares of the knee: what to go on with after a refusal, where to stay, and what comes back each second.
FALL, STAY, RISE = 0.93, 0.97, 0.05
# Above the knee: the share of it that is tried for after one second; it grows with the square of the time.
TRY = 0.1
# How long to stay under the knee before trying for more, in seconds, and how much longer after each try that
# is refused at about the same place.
FIRST_STAY, LONGEST_STAY, LONGER = 2.0, 60.0, 4.0
# A refusal this far below the knee says that the limit has fallen, one this far above that it had been
# mistaken or has risen: then the next try comes soon again.
FALLEN, RISEN = 0.85, 1.2
# The least rate, as a share of the ceiling.
LEAST = 0.005


@dataclass(frozen=True, slots=True)
class Level:
    """What the rate goes by. Rates are requests a second, times monotonic seconds.

    `knee` is what the server was seen to bear when it last refused, None before; `since` when sending went on
    after that; `stay` how long to stay under the knee.
    """

    ceiling: float
    knee: float | None = None
    since: float = 0.0
    stay: float = FIRST_STAY


def refused(level: Level, borne: float, since: float) -> Level:
    """After a burst of refusals; `borne` is what the server accepted in the last second, `since` as above."""
    knee = max(borne, level.ceiling * LEAST)
    known = level.knee is not None and FALLEN < knee / level.knee < RISEN
    stay = min(LONGEST_STAY, level.stay * LONGER) if known else FIRST_STAY
    return replace(level, knee=knee, since=since, stay=stay)


def allowed(level: Level, now: float) -> float:
    """The rate at this time."""
    if level.knee is None:
        return level.ceiling
    passed = max(0.0, now - level.since)
    trying = max(0.0, passed - level.stay)
    share = min(STAY, FALL + RISE * passed) + TRY * trying**2
    return min(level.ceiling, level.knee * share)
