"""Finds out what became of a request whose answer was lost: the judgement, as pure functions.

*Found* is easy: a segment of that name which was not there before, is nobody else's, and was made by our
user. *Not there* is never proved by looking, so a spec is judged absent, and may be sent again, only when a
complete list that was taken after `settle` does not show it, and that same list shows what it must if it is
up to date.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bulkseg.listing import Sighting

# How far two clocks and their whole seconds may be off, in seconds: times are a loose filter only.
CLOCK_SLACK = 300.0
UNCHECKED = "found by its name; who made it could not be checked"


@dataclass(frozen=True, slots=True)
class Lost:
    """A spec in doubt. `intended_at` is the durable time (Unix) of its last intent, `run` the run of it.

    `lost_at` is the time at which its answer was known to be lost, None where an earlier run left it so;
    `earliest` the server's time (Unix) before which no request of this run for it can have made anything,
    None where no answer tells.
    """

    id: int
    name: str
    folded: str
    action: str
    run: int
    intended_at: float
    lost_at: float | None = None
    earliest: float | None = None

    @property
    def since(self) -> float:
        """The time before which nothing was made for it, loosely; by our own clock where none other tells."""
        return self.intended_at - CLOCK_SLACK if self.earliest is None else self.earliest


@dataclass(frozen=True, slots=True)
class Known:
    """What the checkpoint knows about the segments in a list, for one spec in doubt.

    `stood` are the ids that were there before the spec's run, or None where no list was taken then; `claimed`
    those that other specs have; `us` is our user's id, None while it is not known: then `users` are those
    that other runs of this job had.
    """

    stood: AbstractSet[str] | None
    claimed: AbstractSet[str]
    us: str | None
    users: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """It was made, and this is it. `warning` says what is odd about it."""

    segment: Sighting
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several could be it."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """It was not made; it may be sent again."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """It cannot be told yet, and why."""

    why: str


Judgement = Found | Ambiguous | Absent | LookAgain


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete list of what is new, and whether it can be relied on.

    `settled` says that it was taken after the spec's settle time; `witnesses` are ids that an up-to-date list
    must show (answered just before the intent, or sent later); `followed` that one of them was sent later, or
    none is to be expected; `names_kept` that this site has been seen to
    give such specs the names that were asked for, and no other.
    """

    segments: Sequence[Sighting]
    settled: bool
    witnesses: Collection[str]
    followed: bool
    names_kept: bool


def ours(lost: Lost, segments: Sequence[Sighting], known: Known) -> list[Sighting]:
    """The segments that could be the one that `lost` asked for, whatever their names."""
    return [one for one in segments if _new(lost, one, known) and _nobody_elses(one, known)]


def _new(lost: Lost, one: Sighting, known: Known) -> bool:
    if known.stood is not None:
        return one.id not in known.stood
    return one.created_at is None or one.created_at >= lost.since


def _nobody_elses(one: Sighting, known: Known) -> bool:
    if one.id in known.claimed:
        return False
    return known.us is None or one.created_by is None or one.created_by == known.us


def found(
    lost: Lost, candidates: Sequence[Sighting], users: Collection[str] = ()
) -> Found | Ambiguous | None:
    """Which of the candidates (from `ours`) is the one, by its name; None if no name fits.

    What one of `users` made goes before what others did.
    """
    by_users = [one for one in candidates if one.created_by in users]
    return _named(lost, by_users) or _named(lost, candidates)


def _named(lost: Lost, candidates: Sequence[Sighting]) -> Found | Ambiguous | None:
    exact = [one for one in candidates if one.name == lost.name]
    alike = exact or [one for one in candidates if one.folded == lost.folded]
    if len(alike) > 1:
        return Ambiguous(tuple(one.id for one in alike))
    if not alike:
        return None
    if exact:
        return Found(exact[0])
    return Found(alike[0], f'name: asked for "{lost.name}", the server has "{alike[0].name}"')


def owned(match: Found | Ambiguous, known: Known, *, settled: bool) -> Judgement:
    """A match as it can be relied on.

    Without discovery our user is learned from the first answers, and a run may die before one has come. Then
    its name was asked for by us and was not there before, so in the end it is taken for ours. Where nobody
    looked what was there before, it has to be by a user that another run had.
    """
    if known.us is not None or isinstance(match, Ambiguous):
        return match
    by = match.segment.created_by
    if known.stood is None and known.users and by is not None and by not in known.users:
        return LookAgain(f"segment {match.segment.id} has its name, and user {by} made it, who is not ours")
    return Found(match.segment, UNCHECKED) if settled else LookAgain("our user is not known yet")


def judge_listing(lost: Lost, listing: Listing, known: Known) -> Judgement:
    """What a complete list of what is new says about a spec in doubt."""
    candidates = ours(lost, listing.segments, known)
    match = found(lost, candidates, known.users)
    if match is not None:
        return owned(match, known, settled=listing.settled and listing.followed)
    if not listing.settled:
        return LookAgain("the settle time has not passed")
    if not listing.followed:
        # However far lists lag: one that shows what was sent later would show this one too.
        return LookAgain("nothing that was sent later has been answered yet")
    shown = {one.id for one in listing.segments}
    missing = [one for one in listing.witnesses if one not in shown]
    if missing:
        return LookAgain(f"the list does not show segment {missing[0]} yet, which was made")
    if candidates and not listing.names_kept:
        ids = ", ".join(one.id for one in candidates[:5])
        return LookAgain(f"the server changes names, and any of these could be it: {ids}")
    return Absent()
