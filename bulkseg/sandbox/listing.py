"""The parameters of lists and reads: search, page, count, orderBy, lastUpdatedAt, depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bulkseg.sandbox.rejections import bad_parameter
from bulkseg.sandbox.search import NUMBER, Condition, parse_order, parse_search

Depth = Literal["minimal", "partial", "complete"]
Query = Mapping[str, str]

LARGEST_PAGE = 1000
# A page's number times its size has to fit into SQLite's integers.
_LARGEST_NUMBER = 10**15


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list is asked for: which ones, in what order, and which page of them, from 1."""

    where: Condition
    since: int
    order: str
    page: int
    count: int
    depth: Depth


def parse_selection(query: Query) -> Selection:
    """The parameters of a list. Raises Rejection for one that is wrong.

    `count` defaults to a whole page of 1000, as Oracle has it.
    """
    return Selection(
        where=parse_search(query["search"]) if query.get("search") else Condition(),
        since=_number(query, "lastUpdatedAt", 0),
        order=parse_order(query.get("orderBy") or "id"),
        # Pages count from 1; a client that is in use asks for page 0, and gets the first.
        page=max(1, _number(query, "page", 1)),
        count=_number(query, "count", LARGEST_PAGE, least=1, most=LARGEST_PAGE),
        depth=parse_depth(query, "minimal"),
    )


def parse_depth(query: Query, default: Depth) -> Depth:
    """How much of an object is asked for: Oracle resets any other value to the default."""
    match query.get("depth", "").lower():
        case "minimal" | "partial" | "complete" as depth:
            return depth
        case _:
            return default


def _number(query: Query, name: str, default: int, least: int = 0, most: int = _LARGEST_NUMBER) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise bad_parameter(name, text, "Integer")
    return int(text)
