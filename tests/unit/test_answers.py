import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.answers import DEEPEST, Page, id_of, page_of, segment_of, whole_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", "3"),
        (3, "3"),
        ("-3", None),
        (-3, None),
        ("", None),
        ("3a", None),
        (" 3", None),
        ("²", None),
        ("٣", None),
        (True, None),
        (3.0, None),
        (None, None),
        (["3"], None),
        ("9" * 5000, None),
    ],
)
def test_an_id_is_digits_and_nothing_else(value: object, expected: str | None):
    assert id_of(value) == expected


def test_a_whole_number_may_be_written_either_way():
    assert (whole_of(7), whole_of("7"), whole_of(0), whole_of("x")) == (7, 7, 0, None)


@pytest.mark.parametrize("number", ["3", 3])
def test_a_segment_has_its_id_as_text_and_keeps_the_rest(number: object):
    body = orjson.dumps({"type": "ContactSegment", "id": number, "name": "ä", "isBlankTemplate": False})

    assert segment_of(body) == {"type": "ContactSegment", "id": "3", "name": "ä", "isBlankTemplate": False}


def test_a_segment_without_a_type_is_one():
    assert segment_of(b'{"id": "3"}') == {"id": "3"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"3"',
        b'[{"id": "3"}]',
        b'{"name": "x"}',
        b'{"id": "-3"}',
        b'{"id": "3"',
        b"<html>",
        b'{"type": "ContactList", "id": "3"}',
        b"\xff",
    ],
)
def test_what_is_no_segment_is_none(body: bytes):
    assert segment_of(body) is None


def test_a_page_has_its_elements_and_numbers():
    body = b'{"elements": [{"id": "1", "name": "a"}, {"id": 2}], "page": 1, "pageSize": 100, "total": 7}'

    assert page_of(body) == Page(({"id": "1", "name": "a"}, {"id": "2"}), page=1, page_size=100, total=7)


def test_a_list_of_nothing_may_have_no_elements():
    assert page_of(b'{"page": 1, "pageSize": 100, "total": 0}') == Page((), 1, 100, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"page": 1, "pageSize": 100, "total": 7}',
        b'{"elements": {}, "page": 1, "pageSize": 100, "total": 0}',
        b'{"elements": [{"name": "no id"}], "page": 1, "pageSize": 100, "total": 1}',
        b'{"elements": [3], "page": 1, "pageSize": 100, "total": 1}',
        b'{"elements": [], "page": 1, "pageSize": 100}',
        b'{"elements": [], "page": -1, "pageSize": 100, "total": 0}',
        b'{"elements": [], "page": true, "pageSize": 100, "total": 0}',
        b'{"elements": [{"id": "1"}], "page": 1, "pageSize": 100, "tot',
    ],
)
def test_a_page_that_cannot_be_read_whole_is_none(body: bytes):
    assert page_of(body) is None


@given(st.binary(max_size=100))
def test_no_bytes_break_the_readers(body: bytes):
    segment_of(body)
    page_of(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_what_is_nested_deeper_than_any_segment_is_none(opening, closing):
    def nested(depth):
        return b'{"id": "7", "elements": ' + opening * depth + b"1" + closing * depth + b"}"

    assert segment_of(nested(DEEPEST - 1))["id"] == "7"
    assert segment_of(nested(DEEPEST)) is None


def test_a_long_page_is_no_deep_one():
    elements = [{"id": str(number), "permissions": ["Update"]} for number in range(3 * DEEPEST)]
    page = {"elements": elements, "page": 1, "pageSize": 1000, "total": len(elements)}
    assert len(page_of(orjson.dumps(page)).elements) == 3 * DEEPEST
