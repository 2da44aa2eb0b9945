"""How a sandbox behaves: every option there is, with its default.

Where Oracle's documentation leaves open what Eloqua does, there is an option for each way it could be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bulkseg.errors import ConfigError
from bulkseg.sandbox.faults import Fault

COMPANY = "Sandbox"
USER = "demo"
PASSWORD = "demo"  # noqa: S105 - public: it guards nothing
USER_ID = 12
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - likewise


class Unique(StrEnum):
    """What a create gets whose name is taken: it is accepted, or refused with this status."""

    ACCEPT = "accept"
    BAD_REQUEST = "400"
    CONFLICT = "409"


class Names(StrEnum):
    """What becomes of a name before it is stored: nothing, blanks cut off, or NFKC, case, blanks folded."""

    EXACT = "exact"
    TRIM = "trim"
    FOLD = "fold"


class Wins(StrEnum):
    """Whose property a copy gets: the one asked for in the body, or the source's."""

    ASKED = "asked"
    SOURCE = "source"


class Kept(StrEnum):
    """Whether a property of the body is honoured or ignored."""

    HONOURED = "honoured"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Settings:
    """The options. Times are in seconds. Raises ConfigError for a value that makes no sense.

    Where it listens and what it keeps:
        host, port: 127.0.0.1 unless told otherwise; port 0 takes a free one.
        db: a SQLite file that outlives the sandbox; None keeps the state in memory.
        site_id: what `/id` calls the site.
        record_arrivals: keep time, method and path of each request in `Store.arrivals`.

    How it treats names and bodies:
        unique: what a create gets whose name is taken; conflicting_id: whether that answer names the id.
        names: what becomes of a name before it is stored.
        folder, description: whether these properties of a body are honoured.
        copy_name, copy_elements: whether a copy has its body's or its source's.

    How quick and how willing it is:
        latency: how long an answer takes at least; half of it lies before the request takes effect.
        search_lag: how long a new segment is missing from lists and searches.
        rate: requests allowed in a second, all but `/id` counted; more get a 429. None is no limit.
        retry_after: what a 429 says in `Retry-After`, or None for no such header; retry_after_as_date: as
            an HTTP date.
        keepalive: how long a connection may lie idle before the sandbox closes it.
        forbid: the first so many creates and copies get a 403.
        token_life: how long an OAuth 2.0 access token is good, as its grant says.
        token_uses: after so many requests it is no longer good, which no grant says; None is no limit.
        token_faults: what goes wrong on purpose with requests for tokens, counted by themselves.
        move_after: after so many requests the site is at another base URL, and the first one gives a 401.
        lock_after: after so many requests each one gets a 401, though `/id` says that all is well.
        in_use: names of segments that something depends on: deleting one gets a 412.
        faults: what goes wrong on purpose.
    """

    host: str = "127.0.0.1"
    port: int = 0
    db: Path | None = None
    site_id: str = "1000"
    record_arrivals: bool = False

    unique: Unique = Unique.ACCEPT
    conflicting_id: bool = True
    names: Names = Names.EXACT
    folder: Kept = Kept.HONOURED
    description: Kept = Kept.HONOURED
    copy_name: Wins = Wins.ASKED
    copy_elements: Wins = Wins.ASKED

    latency: float = 0.0
    search_lag: float = 0.0
    rate: float | None = None
    retry_after: int | None = 1
    retry_after_as_date: bool = False
    keepalive: float = 75.0
    forbid: int = 0
    token_life: float = 8 * 3600.0
    token_uses: int | None = None
    token_faults: tuple[Fault, ...] = ()
    move_after: int | None = None
    lock_after: int | None = None
    in_use: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if self.rate is not None and self.rate <= 0:
            raise ConfigError(f"sandbox: a rate of {self.rate:g} lets nothing through; give one above 0")
        counts = ("token_uses", "move_after", "lock_after")
        for name in ("port", "latency", "search_lag", "retry_after", "keepalive", "forbid", *counts):
            if (getattr(self, name) or 0) < 0:
                raise ConfigError(f"sandbox: {name} is below 0")
