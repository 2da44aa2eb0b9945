"""Requests that the sandbox refuses, in the form that Eloqua gives its errors.

A 400 and a 409 carry an array of errors, or one bare object; for other statuses no body is documented, and
there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Error = dict[str, Any]

BAD_REQUEST = 400
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
HAS_DEPENDENCIES = 412
TOO_LARGE = 413
UNSUPPORTED_MEDIA = 415
TOO_MANY_REQUESTS = 429


class Rejection(Exception):
    """A request that is refused: the answer's status, its JSON and its headers."""

    def __init__(
        self,
        status: int,
        errors: list[Error] | Error | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.errors = errors
        self.headers = headers or {}
        super().__init__(f"{status}: {errors}")


def bad_parameter(parameter: str, value: str, requirement: str) -> Rejection:
    """A parameter of the path or the query that is not what it has to be."""
    error = {
        "type": "EndpointParameterError",
        "parameter": parameter,
        "value": value,
        "requirement": {"type": f"{requirement}Requirement"},
    }
    return Rejection(BAD_REQUEST, [error])


def invalid(
    name: str,
    value: object,
    requirement: str,
    holder: str = "ContactSegment",
    holder_id: str = "-1",
    **more: str,
) -> Error:
    """A property that is not what it has to be.

    `holder` and `holder_id` are the type and id of the object that has it; `more` goes into the requirement.
    """
    error: Error = {"type": "ObjectValidationError", "property": name}
    if value is not None:
        error["value"] = value
    error["requirement"] = {"type": f"{requirement}Requirement", **more}
    error["container"] = {"type": "ObjectKey", "objectType": holder, "objectId": holder_id}
    return error


def unreadable() -> Rejection:
    """A body that is no JSON object: a bare object instead of an array, the other form that is documented."""
    return Rejection(
        BAD_REQUEST, {"type": "ObjectValidationError", "requirement": {"type": "SyntaxRequirement"}}
    )
