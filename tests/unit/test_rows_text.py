"""CSV and TSV: what goes in as text comes out as the same text, with its real line."""

import csv
import gzip
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.rows import open_source
from bulkseg.rows.delimited import Delimited
from bulkseg.rows.place import SourceFile

LINE_END = re.compile(r"\r\n|\r|\n")
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
AWKWARD = st.sampled_from(
    [
        "",
        "007",
        "NA",
        "null",
        "1e5",
        " x ",
        '"',
        '""',
        ",",
        "\t",
        "a\nb",
        "a\r\nb",
        "\r",
        "\u2028",
        "\x85",
        "\xa0",
    ]
)


def in_memory(data, name="s.csv"):
    return SourceFile(name, name, lambda: io.BufferedReader(io.BytesIO(data)))


def read(folder, name, data):
    """Line and cells of every row."""
    (folder / name).write_bytes(data)
    source = open_source([name], folder)
    return [(row.line, dict(row.cells)) for batch in source.batches() for row in batch]


def refuse(problem):
    raise AssertionError(problem)


@st.composite
def tables(draw):
    width = draw(st.integers(1, 4))
    cells = st.lists(ANY_TEXT | AWKWARD, min_size=width, max_size=width)
    return draw(st.lists(cells, min_size=1, max_size=6))


def packings(data):
    """The same file as it is, with a byte order mark, and as gzip data."""
    return [(data, False), (b"\xef\xbb\xbf" + data, False), (gzip.compress(data, mtime=0), True)]


@given(
    records=tables(),
    delimiter=st.sampled_from(",\t"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_any_text_that_csv_writer_wrote_comes_back_as_it_was_with_its_lines(
    records, delimiter, line_end, quoting
):
    # The writer of Python 3.11 leaves a line end bare that is not its own; such a file is another table.
    if any(LINE_END.search(cell) for record in records for cell in record):
        quoting = csv.QUOTE_ALL
    columns = [f"column {number}" for number in range(len(records[0]))]
    text, lines, line = "", [], 1
    for record in [columns, *records]:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerow(record)
        text += out.getvalue()
        lines.append(line)
        line += len(LINE_END.findall(out.getvalue()))

    for data, packed in packings(text.encode()):
        table = Delimited(in_memory(data), delimiter, packed)
        rows = list(table.rows(refuse))
        assert table.columns() == tuple(columns)
        assert [list(row.cells.values()) for row in rows] == records
        assert [row.line for row in rows] == lines[1:]


@pytest.mark.parametrize(
    "cell",
    [
        "007",
        "NA",
        "null",
        "None",
        "1e5",
        "TRUE",
        "",
        " ",
        "#N/A",
        "=1+1",
        "é",
        "\u2028",
        "\x85",
        "\xa0",
        "𝄞",
        '5" pipe',
    ],
)
def test_a_cell_is_the_text_that_stands_there(tmp_path, cell):
    assert read(tmp_path, "s.csv", f"a,b\n{cell},x\n".encode()) == [(2, {"a": cell, "b": "x"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_break_within_a_cell_counts_as_a_line_whatever_ends_the_lines(tmp_path, end):
    text = end.join(["a,b", '"one', 'two","x', 'y"', "3,4", "5,6"])
    assert read(tmp_path, "s.csv", text.encode()) == [
        (2, {"a": f"one{end}two", "b": f"x{end}y"}),
        (5, {"a": "3", "b": "4"}),
        (6, {"a": "5", "b": "6"}),
    ]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_what_other_tools_take_for_a_line_end_is_text(tmp_path, character):
    rows = read(tmp_path, "s.csv", f"a\nx{character}y\nz\n".encode())
    assert rows == [(2, {"a": f"x{character}y"}), (3, {"a": "z"})]


def test_blank_lines_are_no_rows_and_leave_the_lines_right(tmp_path):
    rows = read(tmp_path, "s.csv", b"\na,b\n\n1,2\n\r\n\n3,4\n\n\n")
    assert rows == [(4, {"a": "1", "b": "2"}), (7, {"a": "3", "b": "4"})]


def test_a_row_of_empty_cells_is_a_row(tmp_path):
    assert read(tmp_path, "s.csv", b"a,b\n,\n") == [(2, {"a": "", "b": ""})]


def test_a_byte_order_mark_is_no_part_of_the_first_header(tmp_path):
    assert read(tmp_path, "s.csv", b'\xef\xbb\xbf"a",b\n1,2') == [(2, {"a": "1", "b": "2"})]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("s.csv", b"a,b\n1,2\n"),
        ("S.CSV", b"a,b\n1,2\n"),
        ("s.tsv", b"a\tb\n1\t2\n"),
        ("s.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)),
        ("s.tsv.gz", gzip.compress(b"a\tb\n1\t2\n", mtime=0)),
        ("two members.csv.gz", gzip.compress(b"a,b\n", mtime=0) + gzip.compress(b"1,2\n", mtime=0)),
    ],
)
def test_the_ending_of_a_file_decides_how_it_is_read(tmp_path, name, data):
    assert read(tmp_path, name, data) == [(2, {"a": "1", "b": "2"})]


def test_a_file_of_many_rows_comes_in_batches_of_the_size_asked_for(tmp_path):
    lines = ["n", *map(str, range(25))]
    Path(tmp_path, "s.csv").write_text("\n".join(lines))
    batches = list(open_source(["s.csv"], tmp_path).batches(10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [row.cells["n"] for batch in batches for row in batch] == lines[1:]
