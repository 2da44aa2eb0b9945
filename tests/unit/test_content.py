from __future__ import annotations

import copy
from typing import Any

import pytest

from bulkseg.content import differences, digest

ASKED: dict[str, Any] = {
    "name": "High value, EMEA",
    "folderId": "180344",
    "elements": [
        {
            "type": "ContactFilterSegmentElement",
            "id": "-112",
            "isIncluded": "true",
            "filter": {
                "type": "ContactFilter",
                "id": "-111",
                "name": "Filter Criteria 1",
                "scope": "local",
                "criteria": [
                    {
                        "type": "ContactFieldCriterion",
                        "id": "-5",
                        "fieldId": "100811",
                        "condition": {
                            "type": "TextSetCondition",
                            "operator": "in",
                            "optionListId": "-5",
                            "quickListString": "High,Medium",
                        },
                    },
                    {
                        "type": "ContactFieldCriterion",
                        "id": "-6",
                        "fieldId": "100343",
                        "condition": {"type": "TextValueCondition", "operator": "contains", "value": "Cloud"},
                    },
                ],
                "statement": "-5 AND -6",
            },
        }
    ],
}


def answered(**changes: Any) -> dict[str, Any]:
    """ASKED as a server answers it: real ids, and what it adds of its own."""
    found = copy.deepcopy(ASKED) | {
        "type": "ContactSegment",
        "id": "3",
        "depth": "complete",
        "createdBy": "12",
        "updatedAt": "1476724194",
        "permissions": ["Retrieve", "Delete"],
    }
    inner = found["elements"][0]["filter"]
    for part, real in ((found["elements"][0], "70"), (inner, "71"), *zip(inner["criteria"], ("72", "73"))):  # noqa: B905
        part["id"] = real
    inner["criteria"][0]["condition"]["optionListId"] = "74"
    inner["statement"] = "72 AND 73"
    return found | changes


def changed(path: str, value: Any) -> dict[str, Any]:
    """An answer in which somebody has set one value; `path` is dotted, positions from 0."""
    found = answered()
    part: Any = found
    *way, last = path.split(".")
    for step in way:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return found


FILTER = "elements.0.filter"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("updatedAt", "1999999999"),
        ("updatedBy", "77"),
        ("count", "1200"),
        ("currentStatus", "Draft"),
        ("accessedAt", "1999999999"),
        ("createdByName", "somebody"),
        ("permissions", []),
        ("description", ""),
        ("elements.0.count", "1200"),
        ("elements.0.lastCalculatedAt", "1999999999"),
        (f"{FILTER}.updatedAt", "1999999999"),
        (f"{FILTER}.criteria.0.condition.value", None),
    ],
)
def test_what_the_server_adds_does_not_change_the_digest(path, value):
    assert digest(changed(path, value)) == digest(answered())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "High value"),
        ("description", "mine"),
        ("folderId", "1"),
        ("elements", []),
        ("elements.0.isIncluded", "false"),
        (f"{FILTER}.name", "another"),
        (f"{FILTER}.statement", "72 OR 73"),
        (f"{FILTER}.statement", "73 AND 72"),
        (f"{FILTER}.criteria.0.fieldId", "100812"),
        (f"{FILTER}.criteria.0.condition.quickListString", "High"),
        (f"{FILTER}.criteria.0.condition.optionListId", "75"),
        (f"{FILTER}.criteria.1.condition.value", "Clouds"),
    ],
)
def test_a_change_that_somebody_makes_changes_the_digest(path, value):
    assert digest(changed(path, value)) != digest(answered())


def test_parts_with_other_ids_are_the_same_content():
    found = answered()
    inner = found["elements"][0]["filter"]
    found["elements"][0]["id"] = "900"
    inner["criteria"][0]["id"], inner["criteria"][1]["id"] = "901", "902"
    inner["statement"] = "901 AND 902"
    assert digest(found) == digest(answered())


@pytest.mark.parametrize(
    "element",
    [
        {"type": "ContactListSegmentElement", "id": "-1", "list": {"type": "ContactList", "id": "7"}},
        {"type": "ContactFilterSegmentElement", "id": "-1", "filter": {"scope": "global", "id": "7"}},
    ],
)
def test_a_list_or_filter_that_segments_share_is_known_by_its_id(element):
    other = copy.deepcopy(element)
    other["filter" if "filter" in other else "list"]["id"] = "8"
    asked = {"elements": [element]}
    assert digest({"depth": "complete", **asked}) != digest({"depth": "complete", "elements": [other]})
    (line,) = differences(asked, {"elements": [other]})
    assert "asked for 7, the server has 8" in line


def test_booleans_and_numbers_are_their_text():
    assert digest(changed("elements.0.isIncluded", True)) == digest(answered())  # noqa: FBT003
    assert digest(changed("folderId", 180344)) == digest(answered())


@pytest.mark.parametrize("depth", ["minimal", "partial"])
def test_an_answer_of_less_depth_has_no_digest(depth):
    assert digest({**answered(), "depth": depth}) is None


def test_an_answer_that_does_not_speak_of_elements_has_no_digest():
    assert digest({"id": "3", "name": "x"}) is None


def test_a_whole_answer_without_elements_has_the_digest_of_one_with_none():
    whole = {"id": "3", "name": "x", "depth": "complete"}
    assert digest(whole) == digest({**whole, "elements": []}) is not None


def test_an_answer_nested_without_end_has_no_digest():
    nested: dict[str, Any] = {}
    for _ in range(2000):
        nested = {"value": nested}
    assert digest({"depth": "complete", "elements": [nested]}) is None


def test_a_segment_that_is_as_asked_for_does_not_differ():
    assert differences(ASKED, answered()) == []


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("name", "high value", 'name: asked for "High value, EMEA", the server has "high value"'),
        ("folderId", None, "folderId: asked for 180344, the server has none"),
        ("elements", [], "elements: asked for 1 of them, the server has 0 of them"),
        (
            f"{FILTER}.statement",
            "72 OR 73",
            'elements[1].filter.statement: asked for "#1 AND #2", the server has "#1 OR #2"',
        ),
        (
            f"{FILTER}.criteria.1.condition.value",
            "a\nb",
            'elements[1].filter.criteria[2].condition.value: asked for "Cloud", the server has "a\\nb"',
        ),
        (
            "elements.0.isIncluded",
            "false",
            'elements[1].isIncluded: asked for "true", the server has "false"',
        ),
    ],
)
def test_each_difference_is_one_line_that_names_its_path(path, value, line):
    assert differences(ASKED, changed(path, value)) == [line]


def test_only_what_was_asked_for_is_compared():
    assert differences({"name": "High value, EMEA"}, answered()) == []
    assert differences({"name": "High value, EMEA", "elements": []}, {"name": "High value, EMEA"}) == []


def test_an_empty_list_that_was_asked_for_is_compared():
    assert differences({"elements": []}, answered()) == [
        "elements: asked for 0 of them, the server has 1 of them"
    ]


def test_a_long_value_is_shown_by_its_beginning():
    (line,) = differences({"description": "x" * 10_000}, {})
    assert len(line) < 200
