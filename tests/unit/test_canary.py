"""What a first segment that is read back has to be, and what is said where it is not."""

import orjson
import pytest

from bulkseg.canary import read_back, refusal
from bulkseg.model import Action, Spec

ELEMENT = {
    "type": "ContactFilterSegmentElement",
    "id": "-2",
    "isIncluded": "true",
    "filter": {
        "type": "ContactFilter",
        "id": "-1",
        "name": "F",
        "statement": "-3",
        "criteria": [{"id": "-3"}],
    },
}
SAME_ELEMENT = {
    "type": "ContactFilterSegmentElement",
    "id": "70",
    "isIncluded": "true",
    "filter": {
        "type": "ContactFilter",
        "id": "71",
        "name": "F",
        "statement": "72",
        "criteria": [{"id": "72"}],
    },
}


def asked(**more):
    body = orjson.dumps({"name": "One", **more})
    return Spec('["gold","one"]', "gold", Action.CREATE, "One", "one", "", body, "h", "s.csv", 7)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, {"name": "One"}),
        ({}, {"name": "One", "folderId": "4", "createdBy": "12", "description": "the server's own"}),
        ({"folderId": "4"}, {"name": "One", "folderId": "4"}),
        ({"folderId": 4}, {"name": "One", "folderId": "4"}),
        ({"elements": [ELEMENT]}, {"name": "One", "elements": [SAME_ELEMENT]}),
    ],
)
def test_one_that_is_as_it_was_asked_for_differs_in_nothing(more, found):
    seen = read_back(asked(**more), {"id": "5", **found})
    assert (seen.serious, seen.others) == ((), ())


@pytest.mark.parametrize(
    ("more", "found", "told"),
    [
        ({}, {"name": "ONE"}, "name"),
        ({}, {}, "name"),
        ({"folderId": "4"}, {"name": "One", "folderId": "5"}, "folderId"),
        ({"folderId": "4"}, {"name": "One"}, "folderId"),
    ],
)
def test_another_name_or_folder_is_serious(more, found, told):
    seen = read_back(asked(**more), {"id": "5", **found})
    assert [one.partition(":")[0] for one in seen.serious] == [told]
    assert seen.others == ()


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"description": "d"}, {"description": "another"}),
        ({"elements": [ELEMENT]}, {"elements": []}),
        ({"elements": [ELEMENT]}, {"elements": [{**SAME_ELEMENT, "isIncluded": "false"}]}),
    ],
)
def test_anything_else_is_a_warning(more, found):
    seen = read_back(asked(**more), {"id": "5", "name": "One", **found})
    assert seen.serious == ()
    assert seen.others


def test_a_refusal_says_which_segment_differs_where_it_comes_from_and_what_to_do():
    told = str(refusal(asked(), "5", ('name: asked for "One", the server has "ONE"',)))
    for part in ('"gold"', "id 5", "s.csv:7", 'the server has "ONE"', "--accept-warnings"):
        assert part in told
