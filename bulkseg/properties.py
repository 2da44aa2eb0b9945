"""The properties that are the server's own, of segments and their parts: never sent, never compared."""

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

# All that the server adds to a segment and its parts: documented as read-only or seen in answers, none of it
# anybody's content. An `id` may be: it may name what is shared.
ADDED = frozenset(READ_ONLY - {"id"}) | {
    "accessedAt",
    "createdByName",
    "currentStatus",
    "dependencyName",
    "isBlankTemplate",
    "isStale",
    "sourceTemplateId",
    "updatedByName",
    "x_e10_createdAt",
    "x_e10_createdBy",
    "x_e10_isTemplate",
}
