"""What `plan --online` prints: what a run would meet at the site."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from bulkseg.duration import duration
from bulkseg.online import SHOWN, Outlook


def document(found: Outlook) -> dict[str, Any]:
    """The part of `plan --json` that speaks of the site."""
    identity = found.identity
    return {
        "site": identity.site_name or identity.base_url,
        "base_url": identity.base_url,
        "user": identity.user_name,
        "segments": found.segments,
        "exists": {str(state): count for state, count in found.states.items()},
        "first": [
            {"key": one.spec.key, "name": one.spec.name, "state": str(one.state), "why": one.why}
            for one in found.ends
        ],
        "missing_sources": [
            {"source_id": source_id, "specs": needed.specs, "key": needed.first.key, "why": needed.why}
            for source_id, needed in found.sources.items()
        ],
        "folders": [str(problem) for problem in found.folders],
        "to_send": found.to_send,
        "seconds": found.seconds,
    }


def lines(found: Outlook) -> Iterator[str]:
    """The same for people; never wrapped, so that a place can be copied whole."""
    identity = found.identity
    there = "" if found.segments is None else f"; {found.segments:,} segments stand there"
    where = f"{identity.site_name or identity.base_url} ({identity.base_url})"
    yield f"site: {where}, user: {identity.user_name}{there}"
    for state, count in found.states.items():
        yield f"  {count:>10,}  would end as {state}, for their names are taken"
    yield from (f"              {one.spec.file}:{one.spec.line}  {one.why}" for one in found.ends)
    for source_id, needed in islice(found.sources.items(), SHOWN):
        place = f"{needed.first.file}:{needed.first.line}"
        yield f"  {needed.specs:>10,}  copies of {source_id}, which {needed.why}; the first: {place}"
    if len(found.sources) > SHOWN:
        yield f"              and {len(found.sources) - SHOWN:,} more sources that are missing"
    yield from (str(problem) for problem in found.folders)
    if found.folders:
        yield "nothing would be sent before that is put right"
    took = f"about {duration(found.seconds)} at {found.plan.rate:g} requests a second"
    yield f"  {found.to_send:>10,}  would be made, {took}"
