import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.sandbox.listing import parse_selection
from bulkseg.sandbox.rejections import Rejection
from bulkseg.sandbox.search import parse_order, parse_search
from bulkseg.sandbox.store import Store

NAMES = ["Gold", "gold", "O'Brien", "O'Brien & Sons", "a*b", "what?", "[x]", "50% off", "two\nlines", "é"]


@pytest.fixture
def store():
    store = Store(None, lambda: 1_000.0)
    for name in NAMES:
        store.add(name, created_by=7 if name == "Gold" else 12)
    yield store
    store.close()


def found(store, search):
    assets, total = store.select(parse_selection({"search": search}), "ContactSegment")
    assert total == len(assets)
    return [asset.name for asset in assets]


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("name='Gold'", ["Gold"]),
        ("name = 'Gold'", ["Gold"]),
        ("NAME='Gold'", ["Gold"]),
        ("name=Gold", ["Gold"]),
        ("Gold", ["Gold"]),
        ("'O''Brien'", ["O'Brien"]),
        ("name='O''Brien*'", ["O'Brien", "O'Brien & Sons"]),
        ("name='*o*'", ["Gold", "gold", "O'Brien & Sons", "50% off", "two\nlines"]),
        ("name='a*b'", ["a*b"]),
        ("name='what?'", ["what?"]),
        ("name='wha?*'", []),
        ("name='[x]*'", ["[x]"]),
        ("name='[xy]*'", []),
        ("name='50%*'", ["50% off"]),
        ("name='two\nlines'", ["two\nlines"]),
        ("name=''", []),
        ("name!='*o*'", ["O'Brien", "a*b", "what?", "[x]", "é"]),
        ("name>'gold'", ["what?", "two\nlines", "é"]),
        ("createdBy=7", ["Gold"]),
        ("createdBy='7'", ["Gold"]),
        ("createdBy>=12", NAMES[1:]),
        ("createdBy<12", ["Gold"]),
        ("id<=3", ["Gold", "gold"]),
        ("id!=2", NAMES[1:]),
        ("folderId=1", NAMES),
        ("createdAt>1000", []),
        ("updatedAt>=1000", NAMES),
    ],
)
def test_a_search_finds(store, search, names):
    assert found(store, search) == names


@pytest.mark.parametrize(
    ("search", "requirement"),
    [
        ("name='open", "Syntax"),
        ("name='O'Brien'", "Syntax"),
        ("name=", "Syntax"),
        ("colour='red'", "Enum"),
        ("createdAt>yesterday", "Integer"),
        ("id=99999999999999999999", "Integer"),
        ("id=٣", "Integer"),
    ],
)
def test_a_search_that_cannot_be_read_is_refused(search, requirement):
    with pytest.raises(Rejection) as refused:
        parse_search(search)
    assert refused.value.status == 400
    assert refused.value.errors == [
        {
            "type": "EndpointParameterError",
            "parameter": "search",
            "value": search,
            "requirement": {"type": f"{requirement}Requirement"},
        }
    ]


# NUL ends a text for SQLite's GLOB, and no name has one; a surrogate cannot be stored.
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0*"), min_size=1))
def test_any_name_is_found_by_itself_and_by_its_beginning(name):
    store = Store(None, lambda: 0.0)
    store.add(name)
    quoted = name.replace("'", "''")
    assert found(store, f"name='{quoted}'") == [name]
    assert found(store, f"name='{quoted}*'") == [name]
    store.close()


@pytest.mark.parametrize(
    ("order", "sql"),
    [
        ("createdAt DESC", "created_at DESC, id DESC"),
        ("createdat desc", "created_at DESC, id DESC"),
        ("id", "id ASC, id ASC"),
        ("name ASC", "name ASC, id ASC"),
    ],
)
def test_an_order_has_the_id_to_tell_equal_ones_apart(order, sql):
    assert parse_order(order) == sql


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "0"),
        ("count", "1001"),
        ("count", "ten"),
        ("count", ""),
        ("page", "-1"),
        ("page", "1" + "0" * 17),
        ("page", "1.5"),
        ("lastUpdatedAt", "yesterday"),
        ("orderBy", "colour"),
        ("orderBy", "id; DROP TABLE assets"),
    ],
)
def test_a_parameter_out_of_bounds_is_named_in_the_error(name, value):
    with pytest.raises(Rejection) as refused:
        parse_selection({name: value})
    assert refused.value.status == 400
    assert refused.value.errors[0]["type"] == "EndpointParameterError"
    assert refused.value.errors[0]["parameter"] == name


def test_an_unknown_depth_is_reset_to_the_default():
    assert parse_selection({"depth": "bottomless"}).depth == "minimal"
