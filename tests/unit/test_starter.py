"""A first job file: guessed well, and taken by `plan` whatever the columns are called."""

import csv
import re
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.errors import InputError
from bulkseg.job import Limits, load_job
from bulkseg.job.templates import RESERVED
from bulkseg.pipeline import plan
from bulkseg.starter import Guess, Head, guess, job_text, read_head

ODD = st.text(st.sampled_from("aé {}%#\"'\\\n=[]$ßſ名\u2028\U0001f600_1.,"), min_size=1).map(str.strip)
WORDS = st.sampled_from(
    [
        "in",
        "none",
        "True",
        "self",
        "loop",
        "range",
        "name",
        "Name",
        "source_id",
        "folder_id",
        "FolderId",
        "description",
        "elements",
        "key",
        "code",
        "namespace",
        "{{x}}",
        "{%if%}",
        "{#",
        "dict",
        "x-y",
        "action",
    ]
)
COLUMNS = st.lists(
    (ODD | WORDS).filter(lambda name: name and name not in RESERVED), min_size=1, max_size=6, unique=True
)
CELLS = st.sampled_from(["", "x", "7", "=1", " b", "{{ x }}", '"', "007"])


def write(path, columns, rows):
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([columns, *rows])
    return path


def job_of(data):
    head = read_head(data)
    job = data.with_name("j.toml")
    job.write_text(job_text(head, guess(head), source=data.name, checkpoint=None), encoding="utf-8")
    return job


@given(columns=COLUMNS, data=st.data())
def test_plan_takes_what_init_writes_whatever_the_columns_are_called(columns, data):
    rows = data.draw(st.lists(st.tuples(*[CELLS] * len(columns)), min_size=1, max_size=4, unique=True))
    rows = [row if any(row) else ("x", *row[1:]) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        job = job_of(write(Path(folder) / "d [1].csv", columns, rows))
        assert plan(load_job(job)).specs == len(rows)


@pytest.mark.parametrize(
    ("columns", "rows", "name", "key"),
    [
        (("id", "name"), [("1", "A"), ("2", "B")], ("name",), ("id",)),
        (("Region", "Segment Name"), [("EU", "A"), ("EU", "B")], ("Segment Name",), ()),
        (("region", "tier"), [("EU", "a"), ("EU", "b"), ("US", "a")], ("region", "tier"), ("region", "tier")),
        (("code", "title"), [("7", "A"), ("7", "B")], ("title",), ()),
        (("name", "code"), [("A", "1"), ("a ", "2")], ("code",), ("code",)),
        (("source_id", "name"), [("1", "A"), ("2", "B")], ("name",), ()),
        (("x",), [("A",), ("A",)], (), ()),
    ],
)
def test_the_name_and_the_key_are_columns_that_tell_the_rows_apart(columns, rows, name, key):
    head = Head(columns, tuple(dict(zip(columns, row, strict=True)) for row in rows))
    assert guess(head) == Guess(name, key)


@pytest.mark.parametrize("name", RESERVED)
def test_a_column_that_templates_could_not_name_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: is a name that bulkseg gives"):
        read_head(write(tmp_path / "d.csv", [name], [["x"]]))


def test_rows_with_a_source_id_are_copies(tmp_path):
    job = job_of(write(tmp_path / "d.csv", ["Name", "Source ID"], [["A", ""], ["B", "7"]]))
    assert plan(load_job(job)).by_action == {"create": 1, "copy": 1}


def test_what_stands_in_comments_is_right_too(tmp_path):
    text = job_of(write(tmp_path / "d.csv", ["name", "tier"], [["A", "gold"]])).read_text(encoding="utf-8")
    text = text.replace("{{ name }}", "{{ name }} {{ audience }}").replace('key = ["code"]', 'key = ["name"]')
    job = tmp_path / "all.toml"
    job.write_text(re.sub(r"^# (?=\w+(\.\w+)? = |\[)", "", text, flags=re.MULTILINE), encoding="utf-8")
    assert {"limits", "results"} <= tomllib.loads(job.read_text(encoding="utf-8")).keys()
    (tmp_path / "body.json").write_text("{}")
    loaded = load_job(job)
    assert (loaded.limits, loaded.if_exists) == (Limits(), "fail")
    assert plan(loaded).specs == 2
