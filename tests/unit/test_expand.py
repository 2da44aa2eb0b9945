"""Rows and templates -> specs: keys, bodies, and bad rows named with their line."""

from datetime import date
from hashlib import blake2b
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.errors import InputError
from bulkseg.expand import compile_job
from bulkseg.job import load_job
from bulkseg.model import Action, Row
from bulkseg.names import flaw

TODAY = date(2026, 11, 24)
COLUMNS = ("region", "code", "tier", "folder", "id")
SOURCE = '[source]\npath = "r.csv"\n'
ELEMENT = """
[[segment.elements]]
type = "ContactFilterSegmentElement"
id = -112
isIncluded = true
filter = {type = "ContactFilter", id = "-111", statement = "-5", criteria = [
  {id = "-5", fieldId = 100811, condition = {quickListString = "{{ region }}"}}]}
"""
TEXT = st.text(st.sampled_from("{}%'\"\\ ") | st.characters(codec="utf-8"))
NAMES = TEXT.filter(lambda text: flaw(text) is None)


def _expander(folder, text, columns=COLUMNS):
    path = folder / "job.toml"
    path.write_text(text)
    return compile_job(load_job(path, today=TODAY), columns, TODAY, lambda label: f"in/{label}")


@pytest.fixture
def expander(tmp_path):
    return lambda text, columns=COLUMNS: _expander(tmp_path, text, columns)


@pytest.fixture
def refused(tmp_path):
    def problems(text, columns=COLUMNS):
        with pytest.raises(InputError) as caught:
            _expander(tmp_path, text, columns)
        return [(problem.column, problem.what) for problem in caught.value.problems]

    return problems


def _row(line=2, **cells):
    given_cells = {"region": "EMEA", "code": "007", "tier": "gold", "folder": "12", "id": "99"}
    return Row("r.csv", line, {**given_cells, **cells})


def _specs(expander, row):
    found = []
    specs = expander.expand(row, found.append)
    assert found == []
    return specs


def _problems(expander, row):
    found = []
    assert expander.expand(row, found.append) == []
    return [str(problem) for problem in found]


def test_a_row_makes_one_spec_with_its_body_and_its_place(expander):
    text = SOURCE + '[[segment]]\nname = "{{ region }} {{ code }}"\nfolderId = "{{ folder }}"\n' + ELEMENT
    (spec,) = _specs(expander(text), _row(7))
    assert (spec.template, spec.action, spec.name, spec.folded) == (
        "segment",
        Action.CREATE,
        "EMEA 007",
        "emea 007",
    )
    assert (spec.file, spec.line, spec.source_id) == ("r.csv", 7, "")
    assert spec.key == '["segment","EMEA 007"]'
    body = orjson.loads(spec.body)
    assert (body["name"], body["folderId"]) == ("EMEA 007", "12")
    element = body["elements"][0]
    assert (element["id"], element["isIncluded"]) == ("-112", "true")
    assert element["filter"]["criteria"][0]["fieldId"] == "100811"
    assert element["filter"]["criteria"][0]["condition"] == {"quickListString": "EMEA"}


def test_every_template_and_every_choice_of_for_each_makes_a_spec(expander):
    text = (
        SOURCE + 'key = ["code", "region"]\n'
        '[[segment]]\ntemplate = "gold"\nwhen = "tier == \'gold\'"\nname = "{{ code }} {{ who }} {{ size }}"'
        "\n"
        'for_each.who = ["A", "B"]\nfor_each.size = [1, 2]\n'
        '[[segment]]\ntemplate = "copy"\naction = "copy"\nsource_id = "{{ id }}"\nname = "c {{ code }}"\n'
    )
    specs = _specs(expander(text), _row())
    assert [spec.key for spec in specs] == [
        '["gold","007","EMEA","A","1"]',
        '["gold","007","EMEA","A","2"]',
        '["gold","007","EMEA","B","1"]',
        '["gold","007","EMEA","B","2"]',
        '["copy","007","EMEA"]',
    ]
    assert [spec.name for spec in specs][:2] == ["007 A 1", "007 A 2"]
    assert (specs[-1].action, specs[-1].source_id) == (Action.COPY, "99")
    assert [spec.key for spec in _specs(expander(text), _row(tier="x"))] == ['["copy","007","EMEA"]']


def test_the_hash_stands_for_action_source_and_body(expander):
    text = SOURCE + '[[segment]]\naction = "copy"\nsource_id = "{{ id }}"\nname = "{{ code }}"\n'
    (spec,) = _specs(expander(text), _row())
    assert spec.hash == blake2b(b"copy\x0099\0" + spec.body, digest_size=16).hexdigest()
    assert (
        len({spec.hash, *(_specs(expander(text), _row(**c))[0].hash for c in ({"id": "98"}, {"code": "8"}))})
        == 3
    )
    assert _specs(expander(text), _row(300))[0].hash == spec.hash


def test_a_row_knows_its_place_the_date_and_the_vars(expander):
    text = (
        SOURCE + '[vars]\nquarter = "Q4"\n[[segment]]\nname = "{{ code }}"\n'
        'description = "{{ _source }}:{{ _line }} {{ today }} {{ quarter }}"\n'
    )
    (spec,) = _specs(expander(text), _row(9))
    assert orjson.loads(spec.body)["description"] == "r.csv:9 2026-11-24 Q4"


def test_a_property_that_comes_out_empty_is_left_out(expander):
    text = (
        SOURCE + '[[segment]]\ndescription = ""\nname = "{{ code }}"\nfolderId = "{{ folder }}"\n'
        'currentStatus = "{{ tier }}"'
    )
    (spec,) = _specs(expander(text), _row(folder=""))
    assert orjson.loads(spec.body) == {"name": "007", "currentStatus": "gold"}


def test_a_column_whose_name_is_no_identifier_is_reached_by_row(expander):
    text = SOURCE + 'key = ["Campaign Code"]\n[[segment]]\nname = "{{ row[\'Campaign Code\'] }}"\n'
    (spec,) = _specs(expander(text, ("Campaign Code",)), Row("r.csv", 2, {"Campaign Code": "C-1"}))
    assert (spec.name, spec.key) == ("C-1", '["segment","C-1"]')


def test_what_a_body_file_has_beyond_what_is_known_is_sent_unchanged(expander, tmp_path):
    body = {
        "name": "{{ code }}",
        "folderId": 7,
        "x_new": {"n": 1, "t": ["{{ region }}", None, "{{ tier }}!"]},
    }
    (tmp_path / "b.json").write_bytes(orjson.dumps(body))
    (spec,) = _specs(expander(SOURCE + '[[segment]]\nbody_file = "b.json"\n'), _row())
    sent = {"name": "007", "folderId": "7", "x_new": {"n": 1, "t": ["EMEA", None, "gold!"]}}
    assert orjson.loads(spec.body) == sent


@pytest.fixture(scope="module")
def text_expander(tmp_path_factory):
    head = 'key = ["code", "region"]\n[[segment]]\nname = "{{ region }}"\ndescription = "{{ tier }}"\n'
    return _expander(tmp_path_factory.mktemp("job"), SOURCE + head + ELEMENT)


@given(name=NAMES, text=TEXT)
def test_text_comes_out_as_the_same_text(text_expander, name, text):
    (spec,) = _specs(text_expander, _row(region=name, tier=text, code=text))
    body = orjson.loads(spec.body)
    assert (body["name"], spec.name) == (name, name)
    assert body.get("description", "") == text
    assert body["elements"][0]["filter"]["criteria"][0]["condition"] == {"quickListString": name}
    assert orjson.loads(spec.key) == ["segment", text, name]


@given(one=st.tuples(NAMES, TEXT), other=st.tuples(NAMES, TEXT))
def test_rows_have_one_key_exactly_if_their_key_columns_are_equal(text_expander, one, other):
    keys = [_specs(text_expander, _row(region=region, code=code))[0].key for region, code in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


# --- What is wrong for every row ---------------------------------------------------------------------------


SMALL = SOURCE + '[[segment]]\nname = "{{ code }}"\n'


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (SOURCE + '[[segment]]\nname = "{{ cdoe }}"\n', "segment[1].name", 'did you mean "code"?'),
        (SMALL + 'description = "{{ cdoe|lower }}"', "segment[1].description", 'did you mean "code"?'),
        (SMALL + '[defaults]\nfolderId = "{{ fodler }}"', "defaults.folderId", 'did you mean "folder"?'),
        (SMALL + "when = \"teir == 'x'\"", "segment[1].when", 'did you mean "tier"?'),
        (SMALL + 'action = "copy"\nsource_id = "{{ i }}"', "segment[1].source_id", 'uses "i"'),
        (SMALL + 'action = "copy"\nsource_id = "x1"', "segment[1].source_id", "not 'x1'"),
        (
            SMALL + ELEMENT.replace("region", "rgion"),
            "segment[1].elements[1].filter.criteria[1].condition",
            "region",
        ),
        (
            SMALL + ELEMENT.replace('"-5"', '"-6"', 1),
            "segment[1].elements[1].filter.statement",
            "criterion -6",
        ),
        (SMALL + ELEMENT.replace("true", "'no'"), "segment[1].elements[1].isIncluded", "not 'no'"),
        (SMALL + 'elements = "[]"', "segment[1].elements", "must be an array, or one column"),
        (SMALL + 'elements = "{{ code }} "', "segment[1].elements", "must be an array, or one column"),
        (SMALL + "elements = [3]", "segment[1].elements[1]", "must be an object"),
        (SOURCE + '[[segment]]\nname = " x"\n', "segment[1].name", "begins or ends with a blank"),
        (SOURCE + '[[segment]]\nname = ""\n', "segment[1].name", "is empty"),
        (SMALL.replace("[[", 'key = ["rgion"]\n[['), "source.key", 'did you mean "region"?'),
        (SMALL + "[vars]\ntier = 1", "vars.tier", "is a column of the source too"),
        (SMALL + "for_each.tier = ['x']", "segment[1].for_each.tier", "is a column of the source too"),
    ],
)
def test_what_no_row_can_mend_is_refused_with_its_table_and_key(refused, text, place, says):
    assert any(column.startswith(place) and says in what for column, what in refused(text)), refused(text)


def test_a_column_that_has_a_reserved_name_is_refused(refused):
    assert refused(SMALL, (*COLUMNS, "today"))[0][0] == "source.path"


def test_what_is_wrong_in_a_body_file_is_named_there(expander, tmp_path):
    (tmp_path / "b.json").write_text('{"name": 3, "elements": [{"id": "{{ nothing }}"}], "description": []}')
    with pytest.raises(InputError) as caught:
        expander(SOURCE + '[[segment]]\nbody_file = "b.json"\n')
    assert {(Path(p.file).name, p.column) for p in caught.value.problems} == {
        ("b.json", "description"),
        ("b.json", "elements[1].id"),
    }


@pytest.mark.parametrize("name", ["null", "[]"])
def test_a_name_that_is_no_text_is_refused_once(expander, tmp_path, name):
    (tmp_path / "b.json").write_text(f'{{"name": {name}}}')
    with pytest.raises(InputError, match=r"b\.json: name: must be text, not ") as caught:
        expander(SOURCE + '[[segment]]\nbody_file = "b.json"\n')
    assert caught.value.total == 1


def test_a_mistake_is_told_once_whatever_for_each_makes_of_it(refused):
    assert len(refused(SMALL.replace("code", "cdoe") + "for_each.a = ['x', 'y', 'z']")) == 1


# --- What is wrong with a row ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cells", "line"),
    [
        (SMALL, {"code": ""}, "code: is empty; every segment needs a name"),
        (SMALL, {"code": " x"}, "code: begins or ends with a blank: ' x'; take it out"),
        (SMALL, {"code": "a\tb"}, "code: holds the control character U+0009: 'a\\tb'; take it out"),
        (
            SMALL + 'action = "copy"\nsource_id = "{{ id }}"',
            {"id": ""},
            "id: is empty; a copy needs the id of the segment to copy",
        ),
        (
            SMALL + 'action = "copy"\nsource_id = "1{{ id }}"',
            {"id": "x"},
            "source_id: must be the id of the segment to copy, a whole number such as 1234, not '1x'",
        ),
        (
            SMALL + 'description = "{{ 6 // tier|int }}"',
            {"tier": "0"},
            "description: cannot be rendered: ZeroDivisionError: integer division or modulo by zero",
        ),
        (
            SMALL + ELEMENT.replace('statement = "-5"', 'statement = "{{ tier }}"'),
            {"tier": "-7"},
            "elements[1].filter.statement: '-7' names the criterion -7, which is not there",
        ),
        (SMALL + 'folderId = "{{ tier }}"', {"tier": "Nightly"}, "folderId: must be a folder's id"),
        (SMALL + 'elements = "{{ tier }}"', {"tier": "[1"}, "elements: is no valid JSON at character 3: "),
        (SMALL + 'description = "{{ tier }}"', {"tier": "x" * (1 << 20)}, "body: has 1,048,6"),
        (SMALL + 'description = "{{ tier }}"', {"tier": "\ud800"}, "body: cannot be sent as JSON: "),
    ],
)
def test_a_bad_row_makes_no_spec_and_is_named_with_line_and_column(expander, text, cells, line):
    (problem,) = _problems(expander(text), _row(5, **cells))
    assert problem.startswith(f"in/r.csv:5: {line}")
    assert problem.endswith('(template "segment")')


def test_a_row_may_have_more_than_one_thing_wrong(expander):
    text = SMALL + 'action = "copy"\nsource_id = "{{ id }}"\ndescription = "{{ 1 // tier|int }}"'
    assert len(_problems(expander(text), _row(code="", id="x", tier="0"))) == 3


def test_a_bad_row_is_told_once_whatever_for_each_makes_of_it(expander):
    assert len(_problems(expander(SMALL + "for_each.a = ['x', 'y', 'z']"), _row(code=""))) == 1


def test_a_when_that_is_false_spares_the_row_from_every_check(expander):
    assert _problems(expander(SMALL + "when = \"tier == 'x'\""), _row(code="")) == []
