"""The ContactSegment family: what is known is checked, what is not known passes unchanged."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.segment import check_body, tidy
from bulkseg.segment.statement import statement_flaw


def _body():
    """The body that Oracle's users are known to send."""
    return {
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
                            "condition": {"type": "TextSetCondition", "operator": "in", "optionListId": "-5"},
                        },
                        {
                            "type": "ContactFieldCriterion",
                            "id": "-6",
                            "fieldId": "100343",
                            "condition": {
                                "type": "DateValueCondition",
                                "value": {"type": "RelativeDate", "offset": "-1"},
                            },
                        },
                    ],
                    "statement": "-5 AND -6",
                },
            }
        ],
    }


def _changed(path, value):
    """That body with another value at a path such as `elements.0.filter.statement`."""
    body = _body()
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    target = body
    for part in parents:
        target = target[part]
    target[last] = value
    return body


def test_a_body_that_works_has_no_flaw_and_is_sent_as_it_is():
    assert check_body(_body()) == []
    assert tidy(_body()) == (_body(), [])


@pytest.mark.parametrize(
    ("path", "value", "where", "says"),
    [
        ("elements", "x", "elements", "must be an array"),
        ("elements.0", "x", "elements[1]", "must be an object"),
        ("elements.0.isIncluded", "yes", "elements[1].isIncluded", '"true" or "false"'),
        ("elements.0.filter", "x", "elements[1].filter", "must be an object"),
        ("elements.0.filter.statement", "-5 AND -7", "elements[1].filter.statement", "criterion -7"),
        ("elements.0.filter.statement", "-5 AND", "elements[1].filter.statement", "no valid statement"),
        ("elements.0.filter.criteria", [], "elements[1].filter.statement", "criterion -5"),
        ("elements.0.filter.criteria.1.id", "-5", "elements[1].filter.criteria[2].id", "criteria[1] too"),
        ("elements.0.filter.criteria.1.type", [], "elements[1].filter.criteria[2].type", "must be text"),
        ("description", {"a": 1}, "description", "must be text"),
    ],
)
def test_what_is_known_to_be_wrong_is_named_with_its_path(path, value, where, says):
    flaws = check_body(_changed(path, value))
    assert any(found == where and says in what for found, what in flaws), flaws


def test_two_elements_with_one_id_are_refused():
    body = _body()
    body["elements"].append(copy.deepcopy(body["elements"][0]))
    assert ("elements[2].id", "'-112' is the id of elements[1] too; each needs one of its own") in check_body(
        body
    )


def test_a_statement_goes_by_id_so_criteria_of_two_types_cannot_share_one():
    criteria = [{"type": "EmailSentCriterion", "id": "5"}, {"type": "EmailOpenCriterion", "id": "5"}]
    body = _changed("elements.0.filter", {"criteria": criteria, "statement": "5"})
    assert [path for path, _ in check_body(body)] == ["elements[1].filter.criteria[2].id"]


def test_temporary_ids_of_criteria_are_unique_across_filters_too():
    body = _body()
    second = copy.deepcopy(body["elements"][0])
    second["id"] = "-113"
    second["filter"]["id"] = "-114"
    body["elements"].append(second)
    assert [path for path, _ in check_body(body)] == [
        "elements[2].filter.criteria[1].id",
        "elements[2].filter.criteria[2].id",
    ]


def test_two_elements_may_use_one_shared_filter():
    shared = {"type": "ContactFilter", "id": "77", "scope": "global"}
    elements = [
        {"type": "ContactFilterSegmentElement", "id": f"-{number}", "filter": shared} for number in (1, 2)
    ]
    assert check_body({"elements": elements}) == []


def test_ids_of_different_types_may_be_equal():
    elements = [{"type": "ContactListSegmentElement", "id": "-1"}, {"type": "NewSegmentElement", "id": "-1"}]
    assert check_body({"elements": elements}) == []


def test_numbers_and_booleans_become_the_text_that_the_api_wants():
    given_body = _changed("elements.0.filter.criteria.0.fieldId", 100811)
    given_body["folderId"] = 180344
    given_body["elements"][0]["isIncluded"] = True
    assert tidy(given_body) == (_body(), [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_types_and_properties_that_are_not_known_pass_unchanged(value):
    body = _body()
    body["x_e10_new"] = value
    body["elements"].append({"type": "NewSegmentElement", "id": "-9", "filter": value, "other": value})
    body["elements"][0]["filter"]["novel"] = value
    body["elements"][0]["filter"]["criteria"][0]["condition"]["value"] = value
    assert tidy(body) == (body, [])
    assert check_body(body) == []


@pytest.mark.parametrize(
    "statement", ["-5", "-5 AND -6", "-5 and -6", "(-5 OR 6) AND NOT -7", "((1))", "NOT(1 OR NOT 2)"]
)
def test_a_well_formed_statement_passes(statement):
    assert statement_flaw(statement) is None


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("-5 AND", "missing after 'AND'"),
        ("AND -5", "'AND' cannot stand after its beginning"),
        ("-5 -6", "'-6' cannot stand after '-5'"),
        ("-5 AND OR -6", "'OR' cannot stand after 'AND'"),
        ("(-5 AND -6", "not closed"),
        ("-5 AND -6)", "was not opened"),
        ("()", "')' cannot stand after '('"),
        ("-5 XOR -6", "'XOR' cannot stand"),
        ("-5 NOT -6", "'NOT' cannot stand"),
        ("-5 & -6", "'&' cannot stand"),
        ("  ", "missing after its beginning"),
    ],
)
def test_a_malformed_statement_is_refused_in_words(statement, says):
    assert says in (statement_flaw(statement) or "")
