"""The requests about segments: create, copy, get, list, put, delete."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bulkseg.sandbox.calls import CREATED, OK, Call, Reply, document
from bulkseg.sandbox.elements import Renumber, check
from bulkseg.sandbox.listing import parse_depth
from bulkseg.sandbox.rejections import BAD_REQUEST, HAS_DEPENDENCIES, Error, Rejection, invalid
from bulkseg.sandbox.search import NUMBER
from bulkseg.sandbox.settings import Kept, Names, Unique, Wins
from bulkseg.sandbox.store import ROOT_FOLDER, Asset

# Flagged read-only in Oracle's documentation, or kept in columns of their own: ignored where a body has them.
_NOT_IN_REST = frozenset(
    {
        "type",
        "currentStatus",
        "id",
        "name",
        "description",
        "folderId",
        "createdBy",
        "createdAt",
        "updatedBy",
        "updatedAt",
        "createdByName",
        "updatedByName",
        "scheduledFor",
        "depth",
        "permissions",
        "count",
        "lastCalculatedAt",
        "elements",
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a body asks for, checked."""

    name: str
    description: str
    folder_id: int
    elements: list[dict[str, Any]]
    rest: dict[str, Any]


def create(call: Call) -> Reply:
    """POST /segment."""
    wanted = _wanted(_honoured(call), call.settings.names)
    _refuse_taken(call, wanted.name)
    return _add(call, wanted, Renumber(call.store.next_part).elements(wanted.elements))


def copy(call: Call) -> Reply:
    """POST /segment/{id}/copy: what the body does not say, the copy has from its source."""
    original = document(call.asset(), "complete")
    wanted = _wanted({**original, **_overriding(call)}, call.settings.names)
    _refuse_taken(call, wanted.name)
    return _add(call, wanted, Renumber(call.store.next_part, all_parts=True).elements(wanted.elements))


def get(call: Call) -> Reply:
    """GET /segment/{id}."""
    return Reply(OK, document(call.asset(), parse_depth(call.query, "complete")))


def search(call: Call) -> Reply:
    """GET /segments."""
    return call.listed("ContactSegment")


def put(call: Call) -> Reply:
    """PUT /segment/{id}: properties that the body leaves out are blanked; the folder stays."""
    asset = call.asset()
    wanted = _wanted(_honoured(call), call.settings.names)
    _refuse_taken(call, wanted.name, apart_from=asset)
    elements = Renumber(call.store.next_part).elements(wanted.elements)
    rest = _with_elements(wanted, elements)
    changed = call.store.update(asset, name=wanted.name, description=wanted.description, rest=rest)
    return Reply(OK, document(changed, "complete"))


def delete(call: Call) -> Reply:
    """DELETE /segment/{id}."""
    asset = call.asset()
    if asset.name in call.settings.in_use:
        raise Rejection(HAS_DEPENDENCIES)
    call.store.delete(asset)
    return Reply(OK)


def _honoured(call: Call) -> dict[str, Any]:
    """The body without what this server does not listen to."""
    settings = call.settings
    choices = {"description": settings.description, "folderId": settings.folder}
    return {key: value for key, value in call.document().items() if choices.get(key) is not Kept.IGNORED}


def _overriding(call: Call) -> dict[str, Any]:
    """What a copy has from its body and not from its source."""
    settings = call.settings
    choices = {"name": settings.copy_name, "elements": settings.copy_elements}
    return {key: value for key, value in _honoured(call).items() if choices.get(key) is not Wins.SOURCE}


def _add(call: Call, wanted: Wanted, elements: list[dict[str, Any]]) -> Reply:
    asset = call.store.add(
        wanted.name,
        description=wanted.description,
        folder_id=wanted.folder_id,
        rest=_with_elements(wanted, elements),
        listed_after=call.settings.search_lag,
    )
    return Reply(CREATED, document(asset, "complete"))


def _with_elements(wanted: Wanted, elements: list[dict[str, Any]]) -> dict[str, Any]:
    return {**wanted.rest, "elements": elements} if elements else wanted.rest


# --- Checks ---------------------------------------------------------------------------------------------


def _wanted(body: dict[str, Any], names: Names) -> Wanted:
    """Raises Rejection with everything that is wrong with the body."""
    errors = [*_check_texts(body, names), *check(body.get("elements", []))]
    if errors:
        raise Rejection(BAD_REQUEST, errors)
    return Wanted(
        name=_stored(body["name"], names),
        description=body.get("description", ""),
        folder_id=int(body.get("folderId", ROOT_FOLDER)),
        elements=body.get("elements", []),
        rest={key: value for key, value in body.items() if key not in _NOT_IN_REST},
    )


def _check_texts(body: dict[str, Any], names: Names) -> Iterator[Error]:
    name, folder = body.get("name", ""), body.get("folderId", "1")
    if not isinstance(name, str):
        yield invalid("name", name, "Syntax")
    elif not _stored(name, names):
        yield invalid("name", None, "NotNull")
    if not isinstance(body.get("description", ""), str):
        yield invalid("description", body["description"], "Syntax")
    # Any folder will do: a job that is rehearsed names folders of the real site.
    if not (isinstance(folder, str) and NUMBER.fullmatch(folder)):
        yield invalid("folderId", folder, "Id")


def _stored(name: str, names: Names) -> str:
    match names:
        case Names.EXACT:
            return name
        case Names.TRIM:
            return name.strip()
        case Names.FOLD:
            return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _refuse_taken(call: Call, name: str, apart_from: Asset | None = None) -> None:
    if call.settings.unique is Unique.ACCEPT:
        return
    taken = [asset for asset in call.store.named(name) if apart_from is None or asset.id != apart_from.id]
    if not taken:
        return
    more = {"conflictingId": str(taken[0].id)} if call.settings.conflicting_id else {}
    raise Rejection(int(call.settings.unique), [invalid("name", name, "Uniqueness", **more)])
