"""A bare data file: its columns are the segments' properties."""

from datetime import date
from pathlib import Path

import orjson
import pytest

from bulkseg.errors import InputError
from bulkseg.expand import compile_job
from bulkseg.job import load_job
from bulkseg.model import Action, Row

COLUMNS = ("name", "action", "source_id", "description", "folderId", "elements", "key", "bulkseg_error")


def _compile(columns=COLUMNS, file="s.csv"):
    return compile_job(load_job(Path(file)), columns, date(2026, 11, 24), lambda label: label)


def _expand(columns=COLUMNS, **cells):
    """The specs and the problems of one row."""
    problems = []
    row = Row("s.csv", 4, {**dict.fromkeys(columns, ""), **cells})
    return _compile(columns).expand(row, problems.append), [str(problem) for problem in problems]


def _spec(columns=COLUMNS, **cells):
    (spec,), problems = _expand(columns, **cells)
    assert problems == []
    return spec


def test_a_name_alone_makes_a_segment():
    spec = _spec(("name",), name="Gold {{ x }}")
    assert (spec.action, spec.template, spec.key) == (Action.CREATE, "segment", '["segment","Gold {{ x }}"]')
    assert spec.body == b'{"name":"Gold {{ x }}"}'


def test_empty_cells_are_left_out_of_the_body_and_filled_ones_are_sent():
    assert orjson.loads(_spec(name="a").body) == {"name": "a"}
    spec = _spec(name="a", description="007", folderId="12", elements=' [{"id": -1, "isIncluded": false}] ')
    assert orjson.loads(spec.body) == {
        "name": "a",
        "description": "007",
        "folderId": "12",
        "elements": [{"id": "-1", "isIncluded": "false"}],
    }


@pytest.mark.parametrize(
    ("action", "source_id", "meant"),
    [("", "", "create"), ("", "12", "copy"), ("copy", "12", "copy"), ("create", "", "create")],
)
def test_an_empty_action_follows_from_the_source_id(action, source_id, meant):
    spec = _spec(name="a", action=action, source_id=source_id)
    assert (spec.action, spec.source_id) == (meant, source_id)


def test_a_filled_key_cell_is_the_key_and_else_the_name_is():
    assert _spec(name="a", key="k1").key == '["segment","k1"]'
    assert _spec(name="a", key="").key == '["segment","a"]'


def test_what_bulkseg_wrote_about_a_failed_row_is_ignored():
    assert _spec(name="a", bulkseg_error="the name was taken").body == b'{"name":"a"}'


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"name": ""}, "s.csv:4: name: is empty; every segment needs a name"),
        ({"name": "a "}, "s.csv:4: name: begins or ends with a blank"),
        ({"action": "clone"}, "s.csv:4: action: must be create or copy, not 'clone'"),
        (
            {"action": "Copy", "source_id": "1"},
            "s.csv:4: action: must be create or copy, not 'Copy'; did you mean",
        ),
        ({"action": "copy"}, "s.csv:4: source_id: is empty; a copy needs the id of the segment to copy"),
        ({"action": "create", "source_id": "1"}, "s.csv:4: source_id: is for copies only"),
        ({"source_id": "abc"}, "s.csv:4: source_id: must be the id of the segment to copy, a whole number"),
        ({"source_id": "-1"}, "not '-1'"),
        ({"source_id": "007"}, "not '007'"),
        ({"source_id": "12.0"}, "not '12.0'"),
        ({"source_id": " 12"}, "not ' 12'"),
        ({"source_id": "١٢"}, "not '١٢'"),
        ({"folderId": "Nightly"}, "s.csv:4: folderId: must be a folder's id, a whole number such as 180344"),
        ({"folderId": "12.0"}, "not '12.0'"),
        ({"elements": "x"}, "s.csv:4: elements: is no valid JSON at character 1"),
        ({"elements": "{}"}, "s.csv:4: elements: must be an array, not {}"),
        ({"elements": "null"}, "s.csv:4: elements: must be an array, not null"),
        ({"elements": "[1]"}, "s.csv:4: elements[1]: must be an object, not 1"),
        ({"elements": '[{"isIncluded": "yes"}]'}, "s.csv:4: elements[1].isIncluded: must be"),
        ({"elements": "[" * 600 + "]" * 600}, "s.csv:4: elements[1]: must be an object"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_column(cells, says):
    specs, problems = _expand(**{"name": "a", **cells})
    assert specs == []
    assert len(problems) == 1
    assert says in problems[0]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (("description",), "s.csv:1: name: is missing; every segment needs a name"),
        (
            ("name", "folder_id"),
            's.csv:1: folder_id: is no column that is known here; did you mean "folderId"?',
        ),
        (("Name",), 's.csv:1: Name: is no column that is known here; did you mean "name"?'),
        (("name", "zzz"), "s.csv:1: zzz: is no column that is known here; known here: description"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(columns, says):
    with pytest.raises(InputError) as caught:
        _compile(columns)
    assert any(str(problem).startswith(says) for problem in caught.value.problems), caught.value


def test_a_parquet_file_has_no_header_line_to_name():
    with pytest.raises(InputError, match=r"^s\.parquet: zzz: is no column"):
        _compile(("name", "zzz"), "s.parquet")
