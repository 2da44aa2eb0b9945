from itertools import count

import pytest

from bulkseg.sandbox.elements import Renumber, as_text, check


def element(*criteria: object, statement=None, element_id="-112", filter_id="-111", **more: object):
    inner = {"type": "ContactFilter", "id": filter_id, "criteria": list(criteria)}
    if statement is not None:
        inner["statement"] = statement
    return {"type": "ContactFilterSegmentElement", "id": element_id, "filter": inner, **more}


def criterion(criterion_id, **more: object):
    return {"type": "ContactFieldCriterion", "id": criterion_id, **more}


def renumbered(*elements: dict[str, object], all_parts=False):
    ids = count(900)
    return Renumber(lambda: str(next(ids)), all_parts=all_parts).elements(list(elements))


# --- Text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("007", "007"),
        ({"a": None, "b": {"c": 1}}, {"b": {"c": "1"}}),
        ([1, {"x": True}], ["1", {"x": "true"}]),
    ],
)
def test_every_value_is_answered_as_text_and_a_null_is_left_out(value, text):
    assert as_text(value) == text


# --- Checks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        [],
        [element(criterion("-5"), criterion("-6"), statement="-5 AND (-6 OR NOT -5)", isIncluded="false")],
        [
            element(criterion("-5"), element_id="-1", filter_id="-1"),
            element(criterion("-5"), element_id="-2"),
        ],
        [{"type": "ContactListSegmentElement", "list": {"id": "33"}, "newThing": {"deep": ["x"]}}],
    ],
)
def test_what_is_in_order_or_not_known_passes(elements):
    assert list(check(elements)) == []


@pytest.mark.parametrize(
    ("elements", "property_name", "requirement"),
    [
        ("text", "elements", "Syntax"),
        (["text"], "elements", "Syntax"),
        ([element(), element()], "elements", "NoDuplicates"),
        ([element(isIncluded="yes")], "isIncluded", "Boolean"),
        ([element(criterion("-5"), criterion("-5"))], "criteria", "NoDuplicates"),
        ([element(criterion("-5"), statement="-5 AND -7")], "statement", "Relationship"),
        ([element(criterion("-5"), statement={})], "statement", "Relationship"),
        ([element("text")], "criteria", "Syntax"),
        ([{"filter": "text"}], "filter", "Syntax"),
        ([element(element_id="first")], "id", "Id"),
        ([element(criterion({}))], "id", "Id"),
        ([element(filter_id=[])], "id", "Id"),
    ],
)
def test_what_is_wrong_is_named(elements, property_name, requirement):
    (error,) = check(elements)
    assert error["type"] == "ObjectValidationError"
    assert error["property"] == property_name
    assert error["requirement"] == {"type": f"{requirement}Requirement"}


def test_an_error_in_a_statement_names_the_filter():
    (error,) = check([element(criterion("-5"), statement="-7")])
    assert error["value"] == "-7"
    assert error["container"] == {"type": "ObjectKey", "objectType": "ContactFilter", "objectId": "-111"}


# --- Real ids -------------------------------------------------------------------------------------------


def test_temporary_ids_become_real_ones_in_statements_too():
    (made,) = renumbered(element(criterion("-5"), criterion("-6"), statement="-5 AND -6"))
    first, second = (part["id"] for part in made["filter"]["criteria"])
    ids = [made["id"], made["filter"]["id"], first, second]
    assert len(set(ids)) == 4
    assert all(int(one) >= 900 for one in ids)
    assert made["filter"]["statement"] == f"{first} AND {second}"


def test_ids_that_begin_alike_are_not_mixed_up():
    (made,) = renumbered(element(criterion("-1"), criterion("-11"), statement="-11 OR -1"))
    first, second = (part["id"] for part in made["filter"]["criteria"])
    assert made["filter"]["statement"] == f"{second} OR {first}"


def test_one_temporary_id_means_different_things_in_different_types():
    condition = {"type": "TextSetCondition", "optionListId": "-5"}
    (made,) = renumbered(element(criterion("-5", fieldId="100811", condition=condition), statement="-5"))
    (part,) = made["filter"]["criteria"]
    assert part["condition"]["optionListId"] not in {"-5", part["id"]}
    assert part["fieldId"] == "100811"


def test_the_same_new_thing_gets_the_same_id_wherever_it_is_named():
    both = [criterion(one, condition={"optionListId": "-5"}) for one in ("-1", "-2")]
    (made,) = renumbered(element(*both))
    lists = {part["condition"]["optionListId"] for part in made["filter"]["criteria"]}
    assert len(lists) == 1
    assert not lists & {"-5"}


def test_two_filters_may_use_one_temporary_id_each_for_its_own():
    first, second = renumbered(
        element(criterion("-5")), element(criterion("-5"), element_id="-2", filter_id="-3")
    )
    assert first["filter"]["criteria"][0]["id"] != second["filter"]["criteria"][0]["id"]


def test_real_ids_stay_and_parts_without_one_get_one():
    (made,) = renumbered(
        element(criterion("70"), {"type": "New"}, statement="70", element_id="60", filter_id="50")
    )
    assert (made["id"], made["filter"]["id"]) == ("60", "50")
    assert [part["id"] for part in made["filter"]["criteria"]] == ["70", "900"]
    assert made["filter"]["statement"] == "70"


def test_the_parts_of_a_copy_are_all_new_but_what_they_refer_to_stays():
    source = element(criterion("70", condition={"optionListId": "8"}), statement="70", list={"id": "33"})
    (made,) = renumbered(source, all_parts=True)
    (part,) = made["filter"]["criteria"]
    assert part["id"] != "70"
    assert made["filter"]["statement"] == part["id"]
    assert part["condition"] == {"optionListId": "8"}
    assert made["list"] == {"id": "33"}
