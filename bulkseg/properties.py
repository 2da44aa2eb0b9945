"""The properties of a ContactSegment that Oracle documents: which can be sent, which are the server's own."""

from __future__ import annotations

# Flagged read-only in Oracle's documentation of the asset. `folderId` is flagged too, yet public clients send
# it with a create, and it is compared with the answer: so it is not in here.
READ_ONLY = frozenset(
    {
        "id",
        "createdBy",
        "createdAt",
        "updatedBy",
        "updatedAt",
        "scheduledFor",
        "depth",
        "permissions",
        "count",
        "lastCalculatedAt",
    }
)

# Every documented property but `permissions` and `elements` is text, ids and counts included.
SENDABLE_TEXT = (
    "name",
    "description",
    "folderId",
    "currentStatus",
    "sourceTemplateId",
    "type",
    "createdByName",
    "updatedByName",
    "isStale",
    "dependencyName",
)
TEXT_PROPERTIES = frozenset(SENDABLE_TEXT) | (READ_ONLY - {"permissions"})
