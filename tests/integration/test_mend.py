"""The failed rows, written as a source, mended and run again; and every row with its segment's id."""

import csv
import io

import openpyxl
import pytest

from tests.integration.commands import bulkseg, held, sandbox

JOB = """[source]
path = "in/*.csv"
key = ["code"]
[[segment]]
template = "made"
when = "source_id != 'none'"
name = "{{ name }} made"
[[segment]]
template = "copy"
action = "copy"
when = "source_id not in ('', 'none')"
source_id = "{{ source_id }}"
name = "{{ name }} copy"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox(cwd=tmp_path_factory.mktemp("site")) as variables:
        yield variables


def table(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_only_the_failed_rows_are_written_mended_and_sent_again(tmp_path, site):
    (tmp_path / "s.csv").write_text(
        'name,source_id,key\nR 1,,007\n"R, ""2""",999001,=1\nR 3,,3\nR 4,999002,-4\n', encoding="utf-8"
    )
    assert bulkseg("run", "s.csv", cwd=tmp_path, site=site).status == 1
    before = held(site)
    told = bulkseg("results", "s.csv", "--as-job", "-o", "mend.xlsx", "--json", cwd=tmp_path)
    assert told.document == {"file": "mend.xlsx", "rows": 2}
    book = openpyxl.load_workbook(tmp_path / "mend.xlsx")
    rows = list(book.active.values)
    assert rows[0] == ("name", "source_id", "key", "bulkseg_error")
    assert [row[:3] for row in rows[1:]] == [('R, "2"', "999001", "=1"), ("R 4", "999002", "-4")]
    assert all("does not exist" in row[3] for row in rows[1:])
    book.active["B2"] = min(before)
    book.save(tmp_path / "mend.xlsx")
    again = bulkseg("run", "s.csv", "--source", "mend.xlsx", "--json", cwd=tmp_path, site=site)
    assert (again.status, again.document["requests"]["sent"]) == (0, 1)
    after = held(site)
    assert [after[number] for number in after.keys() - before.keys()] == ['R, "2"']
    left = bulkseg("results", "s.csv", "--source", "mend.xlsx", "--as-job", cwd=tmp_path)
    assert [row[2] for row in table(left.out)] == ["key", "-4"]
    assert table(left.out)[0].count("bulkseg_error") == 1


@pytest.fixture(scope="module")
def several(tmp_path_factory, site):
    """A job of two files and two templates, run: of row 2 both specs failed."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("code,name,source_id,state\n1,A,,NY\n2,B,999003,CA\n")
    (folder / "in" / "b.csv").write_text("name,code,source_id,state\nC,3,none,TX\nD,4,999004,NY\n")
    (folder / "j.toml").write_text(JOB)
    (folder / "taken.csv").write_text("name\nB made\n")
    assert bulkseg("run", "taken.csv", cwd=folder, site=site).status == 0
    assert bulkseg("run", "j.toml", cwd=folder, site=site).status == 1
    return folder


def test_a_row_is_there_once_with_all_of_its_errors_and_its_place(several):
    rows = table(bulkseg("results", "j.toml", "--as-job", cwd=several).out)
    assert rows[0] == ["code", "name", "source_id", "state", "bulkseg_error"]
    assert [row[:4] for row in rows[1:]] == [["2", "B", "999003", "CA"], ["4", "D", "999004", "NY"]]
    assert rows[1][4].startswith("in/a.csv:3: ")
    assert "; " in rows[1][4]
    assert rows[2][4].startswith("in/b.csv:3: ")


def test_every_row_is_joined_one_line_a_spec_and_no_column_is_lost(several):
    rows = table(bulkseg("results", "j.toml", "--join", cwd=several).out)
    assert rows[0] == [
        "code",
        "name",
        "source_id",
        "state",
        "template",
        "segment_name",
        "segment_id",
        "bulkseg_state",
    ]
    assert [[row[0], row[4], row[7]] for row in rows[1:]] == [
        ["1", "made", "created"],
        ["2", "made", "failed"],
        ["2", "copy", "failed"],
        ["3", "", ""],
        ["4", "made", "created"],
        ["4", "copy", "failed"],
    ]
    assert [row[5] for row in rows[1:] if row[6]] == ["A made", "D made"]


def test_a_checkpoint_whose_job_is_not_there_has_no_rows(several, tmp_path):
    (tmp_path / "alone.checkpoint").write_bytes((several / "j.checkpoint").read_bytes())
    told = bulkseg("results", "alone.checkpoint", "--as-job", cwd=tmp_path)
    assert told.status == 2
    assert "name the job instead" in told.err


def test_specs_that_have_lost_their_row_are_counted(several, tmp_path):
    (tmp_path / "less.csv").write_text("code,name,source_id,state\n4,D,999004,NY\n5,E,,NY\n")
    told = bulkseg("results", "j.toml", "--as-job", "--source", tmp_path / "less.csv", cwd=several)
    assert [row[0] for row in table(told.out)] == ["code", "4"]
    assert told.err.startswith("2 specs have no row")
    both = bulkseg("results", "j.toml", "--as-job", "--join", cwd=several)
    assert (both.status, both.out) == (2, "")
