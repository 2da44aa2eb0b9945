"""What a handler is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bulkseg.sandbox.elements import as_text
from bulkseg.sandbox.listing import Depth, Query, parse_selection
from bulkseg.sandbox.rejections import NOT_FOUND, UNSUPPORTED_MEDIA, Rejection, bad_parameter, unreadable
from bulkseg.sandbox.search import NUMBER
from bulkseg.sandbox.settings import Settings
from bulkseg.sandbox.store import Asset, Kind, Store

OK = 200
CREATED = 201
FOUND = 302
PERMISSIONS = ("Retrieve", "SetSecurity", "Delete", "Update")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, and its JSON if it has a body."""

    status: int
    document: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request, signed in and let through. `id` is the one in its path, or empty."""

    settings: Settings
    store: Store
    id: str
    query: Query
    content_type: str
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body, its values in text and those without one left out. Raises Rejection."""
        if self.content_type != "application/json":
            raise Rejection(UNSUPPORTED_MEDIA)
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise unreadable() from None
        if not isinstance(body, dict):
            raise unreadable()
        return {key: value for key, value in as_text(body).items() if value not in ("", [])}

    def asset(self, kind: Kind = "ContactSegment") -> Asset:
        """The one that the path names. Raises Rejection."""
        if not NUMBER.fullmatch(self.id) or int(self.id) == 0:
            raise bad_parameter("id", self.id, "Id")
        asset = self.store.get(int(self.id), kind)
        if asset is None:
            raise Rejection(NOT_FOUND)
        return asset

    def listed(self, kind: Kind) -> Reply:
        """A page of what the query asks for; page, pageSize and total are the only real integers."""
        selection = parse_selection(self.query)
        assets, total = self.store.select(selection, kind)
        elements = [document(asset, selection.depth) for asset in assets]
        page = {"page": selection.page, "pageSize": selection.count, "total": total}
        return Reply(OK, {"elements": elements, **page})


def document(asset: Asset, depth: Depth) -> dict[str, Any]:
    """A segment or a folder as Eloqua answers it."""
    properties: dict[str, Any] = {
        "type": asset.kind,
        "id": str(asset.id),
        "createdAt": str(asset.created_at),
        "createdBy": str(asset.created_by),
        "depth": depth,
        "name": asset.name,
        "updatedAt": str(asset.updated_at),
        "updatedBy": str(asset.updated_by),
        "permissions": PERMISSIONS,
    }
    if asset.kind == "ContactSegment":
        properties["currentStatus"] = "Active"
    if asset.folder_id is not None:
        properties["folderId"] = str(asset.folder_id)
    if asset.description and depth != "minimal":
        properties["description"] = asset.description
    return {**properties, **orjson.loads(asset.rest)} if depth == "complete" else properties
