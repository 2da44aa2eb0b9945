"""Where something is wrong, shown: the line of the source, and a caret under the cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bulkseg.cli.caret import pointed
from bulkseg.errors import InputError, Problem


def shown(path, text, line, column, width=80):
    path.write_bytes(text.encode())
    return list(pointed(InputError(Problem(str(path), "is wrong", line, column)), width))


@pytest.mark.parametrize(
    ("text", "line", "column", "below"),
    [
        ("name,code\nA,7x\n", 2, "code", ["  | A,7x", "      ^^"]),
        ("name,code\nA,\n", 2, "code", ["  | A,", "      ^"]),
        ('\ufeff"name","co,de"\r\n"A, ""1""",7\r\n', 2, "co,de", ['  | "A, ""1""",7', "               ^"]),
        ("name,code\n名前,7\n", 2, "code", ["  | 名前,7", "         ^"]),
        ("name,code\nA\x1b[31m,7\n", 2, "code", ["  | A·[31m,7", "           ^"]),
        ("nmae,code\nA,7\n", 1, "nmae", ["  | nmae,code", "    ^^^^"]),
        ("name,code\nA\n", 2, None, ["  | A"]),
        ("name,code\nA,7\n", 2, "no such", ["  | A,7"]),
        ("name,code\nA,7\n", 9, "code", []),
        ("name,code\nA,7\n", None, "code", []),
    ],
)
def test_the_caret_stands_under_the_cell(tmp_path, text, line, column, below):
    told = shown(tmp_path / "s.csv", text, line, column)
    assert told[0] == str(Problem(str(tmp_path / "s.csv"), "is wrong", line, column))
    assert told[1:] == below


@given(
    before=st.text("aü名", max_size=300),
    cell=st.text("bß", min_size=1, max_size=300),
    width=st.integers(40, 120),
)
def test_it_does_so_in_a_line_of_any_length_and_within_the_width(tmp_path_factory, before, cell, width):
    path = tmp_path_factory.mktemp("caret") / "s.csv"
    _, line, caret = shown(path, f"name,code,end\n{before},{cell},{'z' * 200}\n", 2, "code", width)
    assert max(cell_len(line), cell_len(caret)) <= width
    at = next(number for number in range(len(line)) if cell_len(line[:number]) == caret.index("^"))
    assert line[at : at + caret.count("^")].startswith(cell[: caret.count("^") - 1])


def test_a_file_that_is_no_text_is_only_named(tmp_path):
    assert len(shown(tmp_path / "s.xlsx", "PK", 2, "name")) == 1
    error = InputError([Problem(str(tmp_path / "gone.csv"), "is wrong", 2, "x")], 5)
    assert list(pointed(error, 80)) == error.lines()
