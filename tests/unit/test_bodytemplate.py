"""A segment as a body template: nothing of the server's own, ids of its own, and text that stays text."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from bulkseg.bodytemplate import body_template, escaped, reference
from bulkseg.cli import app
from bulkseg.cli.pull import parse_params, slug
from bulkseg.content import differences, digest
from bulkseg.errors import ConfigError
from bulkseg.job.templates import Scope, compile_text
from bulkseg.segment import check_body

COMMON = {"createdAt": "1459410210", "createdBy": "12", "updatedAt": "1459410210", "updatedBy": "12"}
ODD_IDS = [{"id": []}, {"id": {}}, {"id": None}, None, 5, {"id": 9}]
INNER = {
    "type": "ContactFilter",
    "id": "904",
    "scope": "local",
    "criteria": [
        {"type": "ContactFieldCriterion", "id": "905", "fieldId": "100811", "condition": {"value": "EMEA"}}
    ],
    "statement": "905",
}
FOUND = {
    "type": "ContactSegment",
    "id": "3",
    "name": "Gold, {{ EMEA }}",
    "folderId": "484",
    "depth": "complete",
    "count": "17",
    "permissions": ["Retrieve"],
    "isStale": "false",
    **COMMON,
    "elements": [
        {
            "type": "ContactFilterSegmentElement",
            "id": "900",
            "isIncluded": "true",
            "count": "17",
            "filter": {
                "type": "ContactFilter",
                "id": "901",
                "name": "Filter Criteria 1",
                "scope": "local",
                **COMMON,
                "criteria": [
                    {
                        "type": "ContactFieldCriterion",
                        "id": "902",
                        "fieldId": "100811",
                        "condition": {
                            "type": "TextSetCondition",
                            "operator": "in",
                            "optionListId": "77",
                            "quickListString": "High,Medium",
                        },
                    },
                    {
                        "type": "EmailOpenCriterion",
                        "id": "903",
                        "activityRestriction": {"type": "NumericValueCondition", "value": "902"},
                    },
                    {"type": "NestedCriterion", "id": "90", "filter": INNER},
                ],
                "statement": "(902 OR 903) AND NOT 90",
            },
        },
        {"type": "ContactListSegmentElement", "id": "910", "list": {"id": "55", "name": "EMEA"}},
        {
            "type": "ContactFilterSegmentElement",
            "id": "911",
            "filter": {"id": "60", "scope": "shared", "name": "All of us"},
        },
    ],
}


def made(**columns):
    return body_template(FOUND, {value: name for name, value in columns.items()}).content


def test_what_is_the_servers_own_is_left_out_everywhere():
    found = made()
    assert set(found) == {"type", "name", "folderId", "elements"}
    assert set(found["elements"][0]) == {"type", "id", "isIncluded", "filter"}
    assert set(found["elements"][0]["filter"]) == {"type", "id", "name", "scope", "criteria", "statement"}


def test_parts_get_temporary_ids_of_their_own_and_statements_name_them():
    first, lists, shared = made()["elements"]
    inner = first["filter"]["criteria"][2]["filter"]
    ids = [first["id"], lists["id"], shared["id"], first["filter"]["id"], inner["id"]]
    ids += [one["id"] for one in (*first["filter"]["criteria"], *inner["criteria"])]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith("-") for one in ids)
    a, b, c = (one["id"] for one in first["filter"]["criteria"])
    assert first["filter"]["statement"] == f"({a} OR {b}) AND NOT {c}"
    assert inner["statement"] == inner["criteria"][0]["id"]
    assert check_body(made()) == []


def test_what_is_referred_to_keeps_its_id_and_a_text_that_looks_like_one_is_no_id():
    first, lists, shared = made()["elements"]
    assert lists["list"]["id"] == "55"
    assert shared["filter"]["id"] == "60"
    assert first["filter"]["criteria"][0]["fieldId"] == "100811"
    assert first["filter"]["criteria"][1]["activityRestriction"]["value"] == "902"


def test_a_list_of_options_that_belongs_to_its_criterion_is_made_anew_and_a_shared_one_is_not():
    condition = {"optionListId": "77", "quickListString": "High"}
    shared = {"optionListId": "77"}
    found = {"elements": [{"x": [condition, condition]}, {"x": [shared]}]}
    both, one = (element["x"] for element in body_template(found, {}).content["elements"])
    assert both[0]["optionListId"] == both[1]["optionListId"] < "0"
    assert one[0]["optionListId"] == "77"


def test_a_value_becomes_a_column_wherever_it_is_the_whole_text():
    found = made(region="EMEA", folder="484")
    assert found["folderId"] == "{{ folder }}"
    assert found["elements"][1]["list"]["name"] == "{{ region }}"
    nested = found["elements"][0]["filter"]["criteria"][2]["filter"]["criteria"][0]
    assert nested["condition"]["value"] == "{{ region }}"
    assert found["name"] == "{{ 'Gold, {{ EMEA }}' }}"


def test_the_values_that_were_found_are_told():
    assert body_template(FOUND, {"EMEA": "region", "APAC": "other"}).used == {"EMEA"}


def test_what_is_documented_by_name_only_is_told_once_a_type():
    warnings = body_template({"elements": [*FOUND["elements"], *FOUND["elements"]]}, {}).warnings
    assert [warning.split(" is documented")[0] for warning in warnings] == [
        "elements[1].filter.criteria[2] and 1 more: EmailOpenCriterion",
        "elements[1].filter.criteria[3] and 1 more: NestedCriterion",
        "elements[2] and 1 more: ContactListSegmentElement",
    ]


def test_a_statement_that_names_what_is_not_there_is_told():
    broken = {"filter": {"criteria": [{"id": "5"}], "statement": "5 AND 6"}}
    found = body_template({"elements": [broken]}, {})
    assert found.content["elements"][0]["filter"]["statement"].endswith(" AND 6")
    assert found.warnings == ("elements[1].filter.statement: names the criterion 6, which is not there",)


def test_a_template_without_columns_asks_for_the_segment_it_was_made_of():
    plain = {**FOUND, "name": "Gold"}
    template = body_template(plain, {}).content
    assert differences(template, plain) == []
    assert digest({**plain, "folderId": "484"}) == digest(
        {**template, "depth": "complete", "elements": plain["elements"]}
    )


def rendered(template, **cells):
    text = compile_text(template, Scope(tuple(cells), {"today": str(date(2026, 2, 1))}), "x")
    return text.render(cells)


@given(st.text(st.one_of(st.sampled_from("{}%#-'\"\\\r\n nu0"), st.characters(exclude_categories=["Cs"]))))
@example("{{ x }}")
@example("{% raw %}{{ '\\n' }}\r\n{% endraw %}")
@example("{#- {{ '{{' }} -#}")
def test_any_text_stays_what_it_is(text):
    assert rendered(escaped(text)) == text


def test_a_text_that_is_no_template_is_not_touched():
    assert escaped("50 % of {us}, 'all'") == "50 % of {us}, 'all'"


@pytest.mark.parametrize(
    "column", ["region", "Campaign Code", 'a "b" \\ {{ c }}', "true", "if", "Straße", "1st"]
)
def test_a_column_is_referred_to_whatever_its_name(column):
    assert rendered(reference(column), **{column: "value"}) == "value"


def test_a_plain_column_is_written_plainly():
    assert reference("region") == "{{ region }}"


def test_a_value_may_hold_an_equals_sign():
    assert parse_params(["a=b=column", "EMEA=region"]) == {"a=b": "column", "EMEA": "region"}


@pytest.mark.parametrize("given", [["EMEA"], ["=x"], ["EMEA="], ["a=b", "a=c"]])
def test_a_param_that_says_no_value_or_no_column_or_one_twice_is_refused(given):
    with pytest.raises(ConfigError, match="--param"):
        parse_params(given)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("High value, EMEA", "high-value-emea"),
        ("../..", "segment"),
        ("日本 2026", "日本-2026"),
        ("a" * 99, "a" * 60),
    ],
)
def test_a_files_name_comes_from_the_segments(name, expected):
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give the id of one segment, or --search"),
        (["2", "--search", "name='x'"], "give the id of one segment, or --search"),
        (["abc"], "no segment's id"),
        (["2", "--param", "APAC"], "expected VALUE=COLUMN"),
        (["--search", "name='x'"], "-o FOLDER"),
    ],
)
def test_a_wrong_call_is_told_before_anybody_is_asked(arguments, words):
    result = CliRunner().invoke(app, ["pull", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_criteria_whose_ids_are_none_are_passed_on_and_a_number_is_an_id():
    element = {"filter": {"criteria": ODD_IDS, "statement": "9 AND 7"}}
    made = body_template({"elements": [element, {"filter": {"criteria": {"a": 1}, "statement": "7"}}]}, {})
    first = made.content["elements"][0]["filter"]
    assert first["statement"] == f"{first['criteria'][5]['id']} AND 7"
    assert len(made.warnings) == 2
