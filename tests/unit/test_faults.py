import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.faults import Conflict, conflict, read_errors


def error(requirement: object = "UniquenessRequirement", **more: object) -> dict[str, object]:
    named = {"type": requirement} if isinstance(requirement, str) else requirement
    return {"type": "ObjectValidationError", "property": "name", "requirement": named, **more}


def said(*errors: object, status: int = 400) -> str:
    return read_errors(status, orjson.dumps(list(errors)))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (error(), "name: is already taken (UniquenessRequirement)"),
        (error("Uniqueness"), "name: is already taken (UniquenessRequirement)"),
        (error(value="x"), 'name: is already taken (UniquenessRequirement), value "x"'),
        (error(value=""), 'name: is already taken (UniquenessRequirement), value ""'),
        (
            error({"type": "UniquenessRequirement", "conflictingId": "71"}),
            "name: is already taken (UniquenessRequirement, conflictingId 71)",
        ),
        (
            error({"type": "ValidTextLengthRequirement", "minimum": 1, "maximum": "100"}),
            "name: is too short or too long (ValidTextLengthRequirement, minimum 1, maximum 100)",
        ),
        (
            error("NotNullRequirement", container={"objectType": "ContactFilter", "objectId": "-111"}),
            "name: is missing (NotNullRequirement), in ContactFilter -111",
        ),
        (
            error(container={"type": "ObjectKey", "objectType": "ContactSegment", "objectId": "-1"}),
            "name: is already taken (UniquenessRequirement)",
        ),
        (error("BrandNewRequirement"), "name: is not accepted (BrandNewRequirement)"),
        (
            {
                "type": "EndpointParameterError",
                "parameter": "id",
                "value": "sandwich",
                "requirement": {"type": "Id"},
            },
            'id: must be an id, a whole number (IdRequirement), value "sandwich"',
        ),
        ({"type": "ObjectValidationError", "property": "x"}, "x: is not accepted (ObjectValidationError)"),
        ({"requirement": None}, "the request: is not accepted (no reason given)"),
    ],
)
def test_a_validation_error_is_told_in_words(found: object, line: str):
    assert said(found) == line
    assert read_errors(409, orjson.dumps(found)) == line  # a bare object, as documented too


def test_several_errors_stand_on_one_line_and_many_are_counted():
    assert said(error(), error("Enum")).count("; ") == 1
    assert said(*[error()] * 9).endswith("; and 4 more")


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (413, b"", "HTTP 413 Content Too Large (the storage space is exceeded), without details"),
        (500, b" \n", "HTTP 500 Internal Server Error, without details"),
        (799, b"", "HTTP 799, without details"),
        (
            502,
            b"<html><head><title>502 Bad Gateway</title><style>p{}</style></head>\n<body><h1>Oops</h1>&amp;",
            "HTTP 502 Bad Gateway, an HTML page: 502 Bad Gateway Oops &",
        ),
        (500, b'{"message": "boom"}', 'HTTP 500 Internal Server Error: {"message": "boom"}'),
        (500, b"\xff\xfe not\x1b[2J text", "HTTP 500 Internal Server Error: �� not [2J text"),
        (400, b"[]", "HTTP 400 Bad Request: []"),
        (400, b'[1, null, "x"]', 'HTTP 400 Bad Request: [1, null, "x"]'),
        (400, b'[{"type"', 'HTTP 400 Bad Request: [{"type"'),
    ],
)
def test_any_other_body_is_told_with_the_status(status: int, body: bytes, line: str):
    assert read_errors(status, body).replace("Request Entity Too Large", "Content Too Large") == line


def test_long_values_and_long_bodies_are_shortened():
    assert '"' + "x" * 79 + '…"' in said(error(value="x" * 500))
    assert len(read_errors(500, b"word " * 10_000)) == 600


@pytest.mark.parametrize("tag", [b"<", b"<script", b"<!--", b"<title>"])
def test_tag_soup_is_read_quickly(tag: bytes):
    assert len(read_errors(502, tag * 500_000)) <= 600


@given(st.binary(max_size=200), st.integers(0, 999))
def test_no_bytes_at_all_break_it(body: bytes, status: int):
    line = read_errors(status, body)
    assert line
    assert line.isprintable()
    conflict(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "property", "parameter", "requirement", "container", "objectType", "value"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_at_all_breaks_it(found: object):
    body = orjson.dumps(found)
    assert read_errors(400, body).isprintable()
    conflict(body)


# --- Whether the name is taken --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([error()], Conflict()),
        (error("Uniqueness"), Conflict()),
        ([error(requirement="UniquenessRequirement")], Conflict()),
        ([error("NotNull"), error()], Conflict()),
        ([error({"type": "UniquenessRequirement", "conflictingId": "71"})], Conflict("71")),
        ([error({"type": "UniquenessRequirement", "conflictingId": 71})], Conflict("71")),
        ([error(conflictingId="71")], Conflict("71")),
        ([error({"type": "UniquenessRequirement", "conflictingId": "-1"})], Conflict()),
        ([error({"type": "UniquenessRequirement", "conflictingId": "x"})], Conflict()),
        ([error(container={"objectType": "ContactSegment", "objectId": "-1"})], Conflict()),
        ([error(container={"type": "ObjectKey"})], Conflict()),
        ([error(container={"objectType": "ContactFilter"})], None),
        ([error("NoDuplicatesRequirement")], None),
        ([error(property="folderId")], None),
        ([], None),
        ("name UniquenessRequirement", None),
        ({"requirement": ["Uniqueness"], "property": "name"}, None),
    ],
)
def test_a_taken_name_is_told_from_every_other_error(found: object, expected: Conflict | None):
    assert conflict(orjson.dumps(found)) == expected


@pytest.mark.parametrize("body", [b"", b"<html>UniquenessRequirement name</html>", b"[" * 3000])
def test_a_body_that_is_no_json_names_no_conflict(body: bytes):
    assert conflict(body) is None
