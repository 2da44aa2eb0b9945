"""Rows of a source written back: to the letter, or not at all."""

import io
import string

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.errors import InputError
from bulkseg.results import harmless, write_sheet, write_sheet_stream
from bulkseg.rows import open_source

TEXT = st.text(
    st.sampled_from(string.printable.replace("\x0b", "").replace("\x0c", "") + "Öß=+-@'\"_x;\u2028")
)


def read_again(path, width):
    source = open_source([path.name], path.parent)
    rows = [list(row.cells.values()) for batch in source.batches() for row in batch]
    assert [len(row) for row in rows] == [width] * len(rows)
    return source.columns, rows


@given(lines=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_a_csv_has_the_text_of_every_cell_as_it_was(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("sheet") / "s.csv"
    with path.open("wb") as out:
        write_sheet_stream(["a", "b", "c"], [[*line, "end"] for line in lines], out)
    assert read_again(path, 3) == (("a", "b", "c"), [[*line, "end"] for line in lines])


@given(lines=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
def test_a_workbook_has_it_too_or_is_refused(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("sheet") / "s.xlsx"
    try:
        write_sheet(["a", "b", "c"], [[*line, "end"] for line in lines], path)
    except InputError:
        assert not path.exists()
    else:
        assert read_again(path, 3) == (("a", "b", "c"), [[*line, "end"] for line in lines])


@pytest.mark.parametrize("text", ["007", "1e5", "=1+1", "TRUE", "#N/A", "2026-01-02"])
def test_no_cell_of_a_workbook_is_taken_for_anything_but_text(tmp_path, text):
    path = tmp_path / "s.xlsx"
    assert write_sheet(["a"], [[text]], path) == 1
    cell = openpyxl.load_workbook(path).active["A2"]
    assert (cell.value, cell.data_type, cell.number_format) == (text, "s", "@")


@pytest.mark.parametrize("text", ["\r", "a\x01", "_x0041_", "x" * 32_768])
def test_what_excel_would_change_is_named_with_its_place(tmp_path, text):
    with pytest.raises(InputError, match=r"s\.xlsx:3: b: Excel cannot keep"):
        write_sheet(["a", "b"], [["x", "y"], ["x", text]], tmp_path / "s.xlsx")


def test_another_ending_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match=r"write a \.csv or an \.xlsx"):
        write_sheet(["a"], iter(()), tmp_path / "s.parquet")


def test_a_source_that_breaks_off_leaves_what_stood_there(tmp_path):
    def broken():
        yield ["x"]
        raise InputError(())

    for name in ("s.csv", "s.xlsx"):
        (tmp_path / name).write_text("old")
        with pytest.raises(InputError):
            write_sheet(["a"], broken(), tmp_path / name)
        assert (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize(("said", "held"), [("400: taken", "400: taken"), ("=x", "'=x"), ("a\x01\r", "a␁␍")])
def test_words_from_outside_run_nowhere(said, held):
    assert harmless(said) == held


def test_the_number_of_lines_is_told():
    assert write_sheet_stream(["a"], [], io.BytesIO()) == 0
    assert write_sheet_stream(["a"], [["1"], ["2"]], io.BytesIO()) == 2
