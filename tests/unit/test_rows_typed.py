"""Parquet and Excel: typed cells become text in one way, and what has no text is refused with its place."""

import datetime as dt
import io
import re
import zipfile
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from bulkseg.errors import InputError
from bulkseg.rows import excel, open_source
from bulkseg.rows.excel import Excel
from bulkseg.rows.parquet import Parquet
from bulkseg.rows.place import SourceFile

AWKWARD = st.sampled_from(
    ["", "007", "NA", "null", "#N/A", "=1+1", " x ", "a\nb", "\u2028", "\x85", "\xa0", "true"]
)
ANY_TEXT = st.text(max_size=8) | AWKWARD
SHEET_TEXT = (
    st.text(
        st.characters(
            exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n\t"
        ),
        max_size=8,
    )
    | AWKWARD
)


def in_memory(data):
    return SourceFile("s", "s", lambda: io.BufferedReader(io.BytesIO(data)))


def refuse(problem):
    raise AssertionError(problem)


def parquet_of(columns, group=None, compression="snappy"):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=group, compression=compression)
    return out.getvalue()


def sheet_of(records, patch=None):
    """A workbook of these records; `patch` changes its first sheet's XML."""
    book, out = Workbook(), io.BytesIO()
    for record in records:
        book.active.append(record)
    book.save(out)
    return repacked(out.getvalue(), patch) if patch else out.getvalue()


def repacked(data, patch):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, patch(part.decode()) if name == "xl/worksheets/sheet1.xml" else part)
    return out.getvalue()


def cells(table, problem=refuse):
    return [(row.line, *row.cells.values()) for row in table.rows(problem)]


def refusal(folder, name, data):
    (folder / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(open_source([name], folder).batches())
    return str(caught.value).replace(f"{folder}/", "")


# --- Parquet --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(ANY_TEXT, st.none() | ANY_TEXT), min_size=1, max_size=20), st.integers(1, 5))
def test_any_text_in_parquet_comes_back_as_it_was(records, group):
    one, two = zip(*records, strict=True)
    data = parquet_of({"a": pa.array(one, pa.string()), "b": pa.array(two, pa.string())}, group=group)
    assert cells(Parquet(in_memory(data))) == [(n, a, b or "") for n, (a, b) in enumerate(records, 1)]


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([7, None, -1], pa.int64(), ["7", "", "-1"]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([7.0, None, 7.5, 0.1, -0.0], pa.float64(), ["7", "", "7.5", "0.1", "0"]),
        ([float("nan"), 2.0**53], pa.float64(), ["", "9007199254740992"]),
        ([7.1, 7.0, None], pa.float32(), ["7.1", "7", ""]),
        ([True, False, None], pa.bool_(), ["true", "false", ""]),
        ([Decimal("7.00"), Decimal("1E+3")], pa.decimal128(9, 2), ["7.00", "1000.00"]),
        ([dt.date(2026, 1, 31)], pa.date32(), ["2026-01-31"]),
        ([dt.datetime(2026, 1, 31)], pa.timestamp("ms"), ["2026-01-31T00:00:00"]),  # noqa: DTZ001
        ([1], pa.timestamp("ns"), ["1970-01-01T00:00:00.000000001"]),
        ([0], pa.timestamp("s", "UTC"), ["1970-01-01T00:00:00+00:00"]),
        ([dt.time(1, 2)], pa.time32("s"), ["01:02:00"]),
        ([None], pa.null(), [""]),
        (["007", None], pa.large_string(), ["007", ""]),
        (["x", "y", "x", None], pa.dictionary(pa.int8(), pa.string()), ["x", "y", "x", ""]),
    ],
)
def test_a_parquet_value_has_one_text(values, kind, texts):
    data = parquet_of({"a": pa.array(values, kind), "b": ["-"] * len(values)})
    assert [row[1] for row in cells(Parquet(in_memory(data)))] == texts


def test_ids_with_a_gap_as_pandas_writes_them_are_whole_numbers_and_its_index_is_no_column():
    out = io.BytesIO()
    frame = pd.DataFrame({"id": [1, None, 3], "name": ["a", "b", None]})
    frame.iloc[::2].to_parquet(out)
    table = Parquet(in_memory(out.getvalue()))
    assert table.columns() == ("id", "name")
    assert cells(table) == [(1, "1", "a"), (2, "3", "")]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([b"x"]), "s.parquet: a: values of the type binary have no text"),
        (pa.array([["x"]]), "s.parquet: a: values of the type list<"),
        (pa.array([{"x": 1}]), "s.parquet: a: values of the type struct<"),
        (pa.array([1], pa.duration("s")), "s.parquet: a: values of the type duration[s] have no text"),
        (
            pa.array([1.0, 1e300]),
            "s.parquet:2: a: the number 1e+300 is too large to be exact: store it as text",
        ),
        (pa.array([float("inf")]), "s.parquet:1: a: the number inf is too large"),
        (pa.array([], pa.string()), "s.parquet: has a header and no rows"),
        (
            pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers()),
            "s.parquet:1: a: a value in the rows from this one to 1 cannot be read",
        ),
    ],
)
def test_a_parquet_value_without_a_text_is_refused_with_its_column(tmp_path, column, said):
    assert said in refusal(tmp_path, "s.parquet", parquet_of({"a": column}))


@pytest.mark.parametrize("name", ["", " x"])
def test_a_parquet_column_needs_a_name_as_any_other(tmp_path, name):
    assert re.search(
        r"s\.parquet: .*(has no name|has blanks)", refusal(tmp_path, "s.parquet", parquet_of({name: [1]}))
    )


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["1"])] * 2, names=["a", "a"]), out)
    assert "s.parquet: a: this header comes twice" in refusal(tmp_path, "s.parquet", out.getvalue())


def test_a_parquet_that_is_none_or_only_a_part_of_one_is_refused(tmp_path):
    whole = parquet_of({"a": [str(n) for n in range(5000)]}, compression="zstd")
    damaged = whole[:2000] + bytes(4000) + whole[6000:]
    for data in (whole[:-20], whole[:4000], whole[4000:], b"a,b\n1,2\n", b"PAR1", damaged):
        assert "s.parquet: is no sound Parquet file" in refusal(tmp_path, "s.parquet", data)
    assert "s.parquet: is empty" in refusal(tmp_path, "s.parquet", b"")


def test_a_parquet_of_one_large_row_group_is_read_in_full():
    count = 20_000
    data = parquet_of({"a": [str(n) for n in range(count)]}, group=count)
    assert cells(Parquet(in_memory(data))) == [(n + 1, str(n)) for n in range(count)]


# --- Excel ----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(SHEET_TEXT, SHEET_TEXT), min_size=1, max_size=5))
def test_any_text_in_excel_comes_back_as_it_was(records):
    book, out = Workbook(), io.BytesIO()
    for line, record in enumerate(
        [("k", "a", "b"), *((f"k{n}", *pair) for n, pair in enumerate(records))], 1
    ):
        for number, text in enumerate(record, 1):
            cell = book.active.cell(line, number, text)
            cell.data_type = "s"  # else openpyxl would write =1+1 as a formula and #N/A as an error
    book.save(out)
    assert [row[2:] for row in cells(Excel(in_memory(out.getvalue())))] == records


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        (7, "7"),
        (7.0, "7"),
        (7.25, "7.25"),
        (True, "true"),
        (None, ""),
        (dt.datetime(2026, 1, 31), "2026-01-31"),  # noqa: DTZ001
        (dt.datetime(2026, 1, 31, 12, 30), "2026-01-31T12:30:00"),  # noqa: DTZ001
        (dt.time(12, 30), "12:30:00"),
        ("a_x000D_\nb", "a\r\nb"),
    ],
)
def test_an_excel_value_has_one_text(value, text):
    assert cells(Excel(in_memory(sheet_of([["a", "b"], [value, "-"]])))) == [(2, text, "-")]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (["x", "#N/A"], "s.xlsx:3: b: the cell holds the error #N/A: mend it"),
        (["x", "=1+1"], "s.xlsx:3: b: a formula without a result: open the workbook in Excel and save it"),
        (["x", 1e300], "s.xlsx:3: b: the number 1e+300 is too large to be exact"),
        (["x", dt.timedelta(hours=30)], "s.xlsx:3: b: a value of type timedelta has no text"),
        (["x", "y", "z"], "s.xlsx:3: the row has a value in column 3, the header ends at column 2"),
    ],
)
def test_an_excel_cell_without_a_text_is_refused_with_its_place(tmp_path, record, said):
    data = sheet_of([["a", "b"], ["ok", "ok"], record])
    assert said in refusal(tmp_path, "s.xlsx", data)


def test_every_unfit_row_of_a_sheet_is_told_and_the_others_are_read():
    problems = []
    data = sheet_of([["a", "b"], ["#N/A", "#REF!"], [1, 2], [None, "#DIV/0!"]])
    assert cells(Excel(in_memory(data)), problems.append) == [(3, "1", "2")]
    assert [(problem.line, problem.column) for problem in problems] == [(2, "a"), (2, "b"), (4, "b")]


def test_a_formula_is_noticed_wherever_the_blocks_of_the_file_part(monkeypatch):
    monkeypatch.setattr(excel, "_CHUNK", 1)
    problems = []
    assert cells(Excel(in_memory(sheet_of([["a", "b"], ["=1+1", "-"]]))), problems.append) == []
    assert [(problem.line, problem.column) for problem in problems] == [(2, "a")]


@pytest.mark.parametrize(
    ("kind", "result", "text"),
    [("", "<v>2</v>", "2"), (' t="str"', "<v></v>", ""), (' t="str"', "<v>x</v>", "x")],
)
def test_a_formula_stands_for_the_result_that_was_saved_with_it(kind, result, text):
    def save(xml):
        return re.sub(
            r'<c r="A2"[^>]*>(<f>.*?</f>)<v ?/?>(</v>)?</c>', rf'<c r="A2"{kind}>\1{result}</c>', xml
        )

    data = sheet_of([["a", "b"], ["=1+1", "-"]], save)
    assert cells(Excel(in_memory(data))) == [(2, text, "-")]


def test_the_size_that_a_sheet_states_does_not_cut_rows_off():
    data = sheet_of([["a", "b"], [1, 2], [3, 4]], lambda xml: xml.replace("A1:B3", "A1:A2"))
    assert cells(Excel(in_memory(data))) == [(2, "1", "2"), (3, "3", "4")]


def test_blank_rows_at_the_end_of_a_sheet_are_no_rows():
    data = sheet_of([["a", "b"], [1, 2], [None, None], ["", None]])
    assert cells(Excel(in_memory(data))) == [(2, "1", "2")]


def test_a_blank_row_between_others_is_refused_and_the_lines_stay_right():
    problems = []
    data = sheet_of([["a", "b"], [1, 2], [None, None], [None, None], [3, 4]])
    assert [row[0] for row in cells(Excel(in_memory(data)), problems.append)] == [2, 5]
    assert [(problem.line, problem.what) for problem in problems] == [
        (3, "a blank row between others: delete it")
    ]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "s.xlsx: is empty"),
        ([["a", "b"]], "s.xlsx: has a header and no rows"),
        ([["a", None, "c"], [1, 2, 3]], "s.xlsx:1: column 2 of the header has no name"),
        ([["a", "a"], [1, 2]], "s.xlsx:1: a: this header comes twice, in columns 1 and 2"),
        ([["a", "#N/A"], [1, 2]], "s.xlsx:1: a cell of the header cannot be read: the cell holds the error"),
    ],
)
def test_a_sheet_without_a_header_or_rows_is_refused(tmp_path, records, said):
    assert said in refusal(tmp_path, "s.xlsx", sheet_of(records))


def test_a_file_that_is_no_sound_workbook_is_refused(tmp_path):
    whole = sheet_of([["a"], *([str(n)] for n in range(500))])
    no_sheet = repacked(whole, lambda xml: xml[:4000])
    other_zip = io.BytesIO()
    with zipfile.ZipFile(other_zip, "w") as archive:
        archive.writestr("x", "y")
    for data in (
        b"",
        b"a,b\n1,2\n",
        whole[:3000],
        b"\xd0\xcf\x11\xe0" + bytes(600),
        no_sheet,
        other_zip.getvalue(),
    ):
        assert "s.xlsx: is no sound .xlsx workbook, or has a password" in refusal(tmp_path, "s.xlsx", data)
