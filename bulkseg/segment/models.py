"""The ContactSegment family as pydantic models: the parts that are publicly known, and room for the others.

The list of element, criterion and condition types is Oracle's to extend, so unknown types and properties pass
unchanged.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Tag, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

FILTER_ELEMENT = "ContactFilterSegmentElement"
_OTHER_ELEMENT = "another element"

Flaw = tuple[str, str]

_WORDS = {
    "list_type": "must be an array",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "string_type": "must be text",
}


def _boolean_as_text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


Included = Annotated[str | None, BeforeValidator(_boolean_as_text)]


class Part(BaseModel):
    """Anything in a body. Ids and counts are text in this API; a number that stands for one becomes text."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        alias_generator=to_camel,
        protected_namespaces=(),
    )

    type: str | None = None
    id: str | None = None


class Condition(Part):
    """What a criterion compares with. `value` may be text or an object (a relative date)."""

    operator: str | None = None
    option_list_id: str | None = None
    quick_list_string: str | None = None


class Criterion(Part):
    """One question to a contact."""

    field_id: str | None = None
    condition: Condition | None = None


class Filter(Part):
    """Criteria and the statement that joins them."""

    name: str | None = None
    scope: str | None = None
    criteria: list[Criterion] | None = None
    statement: str | None = None


class Element(Part):
    """A part of a segment, taken in or left out (`isIncluded`)."""

    is_included: Included = None
    count: str | None = None
    last_calculated_at: str | None = None


class FilterElement(Element):
    """An element that is a filter."""

    filter: Filter | None = None


def _kind(element: Any) -> str:
    """Which model an element is read by, and written by: then it is a model already."""
    kind = element.get("type") if isinstance(element, dict) else getattr(element, "type", None)
    return FILTER_ELEMENT if kind == FILTER_ELEMENT else _OTHER_ELEMENT


AnyElement = Annotated[
    Annotated[FilterElement, Tag(FILTER_ELEMENT)] | Annotated[Element, Tag(_OTHER_ELEMENT)],
    Discriminator(_kind),
]


class Segment(Part):
    """The body of a create or a copy, and of an answer."""

    name: str | None = None
    description: str | None = None
    folder_id: str | None = None
    current_status: str | None = None
    source_template_id: str | None = None
    elements: list[AnyElement] | None = None


def tidy(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[Flaw]]:
    """The body as it is to be sent, numbers that have to be text as text; and what has a wrong form.

    A body with flaws comes back as it was given.
    """
    try:
        segment = Segment.model_validate(dict(body))
    except ValidationError as error:
        return dict(body), [form_flaw(detail) for detail in error.errors()]
    return segment.model_dump(by_alias=True, exclude_unset=True), []


def form_flaw(detail: ErrorDetails) -> Flaw:
    """What pydantic found, as a path and words."""
    path = ""
    for part in detail["loc"]:
        if part not in (FILTER_ELEMENT, _OTHER_ELEMENT):
            path += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(
        "."
    ), f"{_WORDS.get(detail['type'], detail['msg'])}, not {reprlib.repr(detail['input'])}"
