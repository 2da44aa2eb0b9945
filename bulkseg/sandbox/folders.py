"""The requests about the folders of segments: create, list, root."""

from __future__ import annotations

from dataclasses import replace

from bulkseg.sandbox.calls import CREATED, OK, Call, Reply, document
from bulkseg.sandbox.listing import parse_depth
from bulkseg.sandbox.rejections import BAD_REQUEST, Rejection, invalid
from bulkseg.sandbox.search import NUMBER
from bulkseg.sandbox.store import ROOT_FOLDER


def create(call: Call) -> Reply:
    """POST /segment/folder: in the root, or in the folder that `folderId` names."""
    body = call.document()
    name, parent = body.get("name"), body.get("folderId", str(ROOT_FOLDER))
    errors = []
    if not isinstance(name, str):
        errors.append(invalid("name", name, "NotNull", "Folder"))
    if not (isinstance(parent, str) and NUMBER.fullmatch(parent) and call.store.get(int(parent), "Folder")):
        errors.append(invalid("folderId", parent, "Relationship", "Folder"))
    if errors:
        raise Rejection(BAD_REQUEST, errors)
    description = body.get("description", "")
    folder = call.store.add(str(name), kind="Folder", description=str(description), folder_id=int(parent))
    return Reply(CREATED, document(folder, "complete"))


def search(call: Call) -> Reply:
    """GET /segment/folders."""
    return call.listed("Folder")


def root(call: Call) -> Reply:
    """GET /segment/folder/root: the folder that all others lie in."""
    folder = replace(call, id=str(ROOT_FOLDER)).asset("Folder")
    return Reply(OK, document(folder, parse_depth(call.query, "complete")))
