"""The results in every format: the same columns, the same text, one file or none."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.errors import InputError
from bulkseg.model import State
from bulkseg.results import COLUMNS, excel, plain, write_results, write_stream

FORMATS = ["csv", "parquet", "jsonl", "xlsx"]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    *(f"{wide}1" for wide in "\uff1d\uff0b\uff0d\uff20"),
]


@dataclass(frozen=True, slots=True)
class Row:
    key: str = '["gold","FR"]'
    template: str = "gold"
    action: str = "create"
    name: str = "France gold"
    source_id: str | None = ""
    state: str = State.CREATED
    segment_id: str | None = "007"
    http_status: int | None = 201
    error: str | None = None
    warning: str | None = None
    attempts: int = 1
    reconciled: bool = False
    source: str = "regions.csv"
    line: int = 2
    request_id: str | None = "r-1"
    sent_at: float | None = 1_764_000_000.25
    done_at: float | None = 1_764_000_000.5
    run: int | None = 1


NEVER_SENT = Row(
    state=State.PENDING,
    segment_id=None,
    http_status=None,
    attempts=0,
    request_id=None,
    sent_at=None,
    done_at=None,
    run=None,
)


def read_back(path: Path) -> list[dict[str, object]]:
    """The rows as a reader of that format gets them, with the columns in the file's order."""
    match path.suffix.lower():
        case ".csv":
            with path.open(encoding="utf-8", newline="") as lines:
                return list(csv.DictReader(lines, strict=True))
        case ".parquet":
            return pq.read_table(path).to_pylist()
        case ".jsonl":
            return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        case _:
            book = openpyxl.load_workbook(path)
            head, *body = book.active.iter_rows(values_only=True)
            return [dict(zip(head, values, strict=True)) for values in body]


@pytest.mark.parametrize("ending", [*FORMATS, "CSV", "XlsX"])
def test_every_format_has_the_columns_in_order_and_gives_the_number_of_rows(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    assert write_results([Row(), NEVER_SENT], path) == 2
    rows = read_back(path)
    assert [tuple(row) for row in rows] == [COLUMNS] * 2
    assert [row["state"] for row in rows] == ["created", "pending"]


def test_the_columns_are_those_that_were_promised():
    promised = """key, template, action, name, source_id, state, segment_id, http_status, error, warning,
        attempts, reconciled, source, line, request_id, sent_at, done_at, run"""
    assert tuple(promised.replace(",", " ").split()) == COLUMNS


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "xlsx"])
def test_values_keep_their_types_and_what_is_empty_is_null(tmp_path, ending):
    write_results([Row(), NEVER_SENT], path := tmp_path / f"out.{ending}")
    made, never = read_back(path)
    assert made["segment_id"] == "007"
    assert (made["http_status"], made["attempts"], made["reconciled"], made["run"]) == (201, 1, False, 1)
    assert made["sent_at"] == "2025-11-24T16:00:00.250Z"
    assert made["source_id"] is None
    empty = "source_id segment_id http_status error warning request_id sent_at done_at run"
    assert [name for name in COLUMNS if never[name] is None] == empty.split()


def test_csv_writes_numbers_plain_and_nothing_for_what_is_empty(tmp_path):
    write_results([Row(), NEVER_SENT], path := tmp_path / "out.csv")
    made, never = read_back(path)
    assert (made["http_status"], made["reconciled"], made["line"]) == ("201", "false", "2")
    assert made["done_at"] == "2025-11-24T16:00:00.500Z"
    assert (never["http_status"], never["run"], never["segment_id"], never["attempts"]) == ("", "", "", "0")


@pytest.mark.parametrize("ending", FORMATS)
def test_no_rows_give_a_file_with_the_columns_alone(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    assert write_results([], path) == 0
    assert read_back(path) == []
    if ending != "jsonl":
        assert path.stat().st_size > 0


@pytest.mark.parametrize("ending", FORMATS)
def test_rows_beyond_one_batch_and_one_row_group_all_arrive_in_order(tmp_path, ending, monkeypatch):
    monkeypatch.setattr("bulkseg.results.frames._BATCH", 7)
    monkeypatch.setattr(plain, "_ROW_GROUP", 14)
    path = tmp_path / f"out.{ending}"
    assert write_results((Row(line=line) for line in range(50)), path) == 50
    assert [int(str(row["line"])) for row in read_back(path)] == list(range(50))
    if ending == "parquet":
        assert pq.ParquetFile(path).num_row_groups == 4


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_made_harmless_in_csv(tmp_path, text):
    write_results([Row(name=text, error=text)], path := tmp_path / "out.csv")
    (row,) = read_back(path)
    assert (row["name"], row["error"]) == (f"'{text}", f"'{text}")


@pytest.mark.parametrize("text", [text for text in FORMULAS if "\r" not in text])
def test_a_formula_is_plain_text_in_excel(tmp_path, text):
    write_results([Row(name=text)], path := tmp_path / "out.xlsx")
    cell = openpyxl.load_workbook(path).active.cell(2, COLUMNS.index("name") + 1)
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "1e5", "NA", "null", "TRUE", "2026-01-01"])
def test_text_that_looks_like_something_else_is_text_in_excel(tmp_path, text):
    write_results([Row(name=text)], path := tmp_path / "out.xlsx")
    cell = openpyxl.load_workbook(path).active.cell(2, COLUMNS.index("name") + 1)
    assert (cell.value, cell.data_type) == (text, "s")


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_formula_is_not_touched_where_no_spreadsheet_reads_it(tmp_path, ending):
    write_results([Row(name=text) for text in FORMULAS], path := tmp_path / f"out.{ending}")
    assert [row["name"] for row in read_back(path)] == FORMULAS


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_negative_number_is_no_formula(tmp_path, ending):
    write_results([Row(run=-1)], path := tmp_path / f"out.{ending}")
    assert [str(row["run"]) for row in read_back(path)] == ["-1"]


def test_what_excel_cannot_hold_is_made_visible(tmp_path):
    rows = [Row(error="a\x00b\x1fc\ufffe", warning="x" * 40_000)]
    write_results(rows, path := tmp_path / "out.xlsx")
    (row,) = read_back(path)
    assert row["error"] == "a\u2400b\u241fc\ufffd"
    assert row["warning"] == "x" * 32_766 + "…"


def test_more_rows_than_a_sheet_holds_are_refused_and_the_old_file_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "ROWS", 3)
    path = tmp_path / "out.xlsx"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"out\.xlsx: an Excel sheet holds 3 rows.*use \.csv or \.parquet"):
        write_results([Row()] * 4, path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
    assert write_results([Row()] * 3, path) == 3


def test_the_limit_of_a_sheet_is_excels():
    assert excel.ROWS == 1_048_575


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(words, words)
def test_any_text_comes_back_as_it_was_from_csv(name, error):
    write_stream([Row(name=name, error=error)], out := io.BytesIO())
    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""), strict=True)
    for text, cell in ((name, row["name"]), (error, row["error"])):
        assert cell in {text, f"'{text}"}
        assert (cell != text) == (text[0] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@given(words)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_any_text_comes_back_as_it_was_from_the_other_formats(kind, name):
    write_stream([Row(name=name)], out := io.BytesIO(), kind)
    rows = [json.loads(out.getvalue())] if kind == "jsonl" else pq.read_table(out).to_pylist()
    assert [row["name"] for row in rows] == [name]


def test_the_stream_is_left_open_even_when_the_rows_break_off():
    def broken():
        yield Row()
        raise RuntimeError("the checkpoint is gone")

    with pytest.raises(RuntimeError, match="gone"):
        write_stream(broken(), out := io.BytesIO())
    assert not out.closed


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.gz", ".csv"])
def test_an_unknown_ending_names_the_known_ones(tmp_path, name):
    with pytest.raises(InputError, match=r"use one of \.csv, \.parquet, \.jsonl, \.xlsx"):
        write_results([Row()], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_and_the_umask_says_its_mode(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o600)
    before = os.umask(0o027)
    try:
        write_results([Row()], path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text().startswith("key,template")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    write_results([Row()], tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("key,template")


def test_rows_that_break_off_leave_the_old_file_and_nothing_else(tmp_path):
    def broken():
        yield Row()
        raise RuntimeError("the checkpoint is gone")

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="gone"):
        write_results(broken(), path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_is_not_there_is_said_in_words(tmp_path):
    path = tmp_path / "none" / "out.csv"
    with pytest.raises(InputError, match=r"none/out\.csv: cannot be written: no such file or directory"):
        write_results([Row()], path)


def test_a_folder_in_the_place_of_the_file_is_said_in_words(tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(InputError, match="cannot be written: is a directory"):
        write_results([Row()], tmp_path / "out.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_a_folder_that_may_not_be_written_is_said_in_words(tmp_path, monkeypatch):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may write anywhere, so the folder's mode will not do
    with pytest.raises(InputError, match="cannot be written: permission denied"):
        write_results([Row()], tmp_path / "out.csv")
