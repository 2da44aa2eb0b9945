"""Broken text files are refused in words that name file and line and say what to do."""

import csv
import gzip
import io
import os

import pytest

from bulkseg.errors import InputError
from bulkseg.rows import lines as lines_module
from bulkseg.rows import open_source
from bulkseg.rows.place import SourceFile

PACKED = gzip.compress(b"a,b\n" + "".join(f"{n},{n * n}\n" for n in range(9000)).encode(), mtime=0)


def read(folder, name, problem=None):
    source = open_source([name], folder)
    return [row for batch in source.batches(problem=problem) for row in batch]


def refusal(folder, name, data):
    (folder / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(folder, name)
    return str(caught.value).replace(f"{folder}{os.sep}", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "s.csv: is empty"),
        (b"\xef\xbb\xbf", "s.csv: is empty"),
        (b"\n\n", "s.csv: is empty"),
        (b"a,b\n", "s.csv: has a header and no rows"),
        (b"a,b\n\n\n", "s.csv: has a header and no rows"),
        (b"a,b\n1,2\n3\n", "s.csv:3: the row has 1 cell, the header has 2: add what is missing"),
        (
            b'a,b\n"1\n1",2\n3,4,5\n',
            "s.csv:4: the row has 3 cells, the header has 2: put double quotes around",
        ),
        (b"a,b\n1,2\n \n", "s.csv:3: the row has 1 cell, the header has 2"),
        (b"a,b\n1,2\n3,caf\xe9\n", "s.csv:3: not UTF-8: byte 6 of the line is 0xE9; save the file as UTF-8"),
        ("a,b\né,".encode() + b"\xff\n", "s.csv:2: not UTF-8: byte 4 of the line is 0xFF"),
        (b"a,b\r1,2\r3,\xed\xa0\x80\r", "s.csv:3: not UTF-8: byte 3 of the line is 0xED"),
        (b"\xe9,b\n1,2\n", "s.csv:1: not UTF-8: byte 1 of the line is 0xE9"),
        ("a,b\n1,2\n".encode("utf-16"), "s.csv:1: this is UTF-16 text: save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "s.csv:1: a NUL byte"),
        (b"a,b\n1,2\n3,x\0y\n", "s.csv:3: a NUL byte"),
        (b'a,b\n"1\n2","x\0"\n', "s.csv:3: a NUL byte"),
        (PACKED, "s.csv:1: this is gzip data: let its name end in .gz"),
        (b"PK\x03\x04rest", "s.csv:1: this is a zip file: an Excel workbook's name has to end in .xlsx"),
        (b'a,b\n1,2\n"3,4\n5,6\n', "s.csv:3: the quote that opens a cell here is never closed"),
        (b'a,b\n"1\n2","3\n4,5\n', "s.csv:3: the quote that opens a cell here is never closed"),
        (b'a,b\n"1,""2"",\n3","4""\n5,6', "s.csv:3: the quote that opens a cell here is never closed"),
        (b'a,b\n"1"x,2\n', "s.csv:2: text after a closing quote: double the quotes"),
        (b'a,b\n"1\n1" ,2\n', "s.csv:3: text after a closing quote"),
        (b'a,b"c"\n"1","2', "s.csv:2: the quote that opens a cell here is never closed"),
        (b'"a,b\n1,2\n', "s.csv:1: the quote that opens a cell here is never closed"),
        (b"a,b\n1,2\n3," + b"x" * 131_073, "s.csv:3: a cell of the row is longer than 131,072 characters"),
        (
            b'a,b\n1,"2\n' + b"x\n" * 70_000,
            "s.csv:2: the quote that opens a cell here is not closed within 131,072",
        ),
        (b"a,b,a\n1,2,3\n", "s.csv:1: a: this header comes twice, in columns 1 and 3: rename one"),
        (b"a,,c\n1,2,3\n", "s.csv:1: column 2 of the header has no name"),
        (b"a, b\n1,2\n", "s.csv:1: b: the header ' b' has blanks around it"),
        ("a,b\xa0\n1,2\n".encode(), r"s.csv:1: b: the header 'b\xa0' has blanks around it"),
        (b"name;id\nx;1\n", "s.csv:1: the header is one cell, 'name;id': it looks separated by semicolons"),
        (b"name\tid\nx\t1\n", "it looks separated by tabs, where commas are expected"),
    ],
)
def test_a_broken_csv_is_refused_with_its_place_and_what_to_do(tmp_path, data, said):
    assert said in refusal(tmp_path, "s.csv", data)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("s.csv.gz", PACKED[:-400], ": the gzip data breaks off here: get the whole file"),
        ("s.csv.gz", PACKED[:5], "s.csv.gz:1: the gzip data breaks off here"),
        ("s.csv.gz", PACKED[:-8] + bytes(8), "this is no sound gzip data (CRC check failed"),
        ("s.csv.gz", b"a,b\n1,2\n", "s.csv.gz:1: this is no sound gzip data (Not a gzipped file"),
        ("s.csv.gz", PACKED[:100] + bytes(100) + PACKED[200:], "s.csv.gz:1: this is no sound gzip data"),
        ("s.csv.gz", gzip.compress(b"a\nx\n\xff\n", mtime=0), "s.csv.gz:3: not UTF-8: byte 1 of the line"),
        (
            "s.tsv",
            b"a\tb\n1\t2\t3\n",
            "s.tsv:2: the row has 3 cells, the header has 2: put double quotes around a cell ",
        ),
        ("s.tsv", b"a,b\n1,2\n", "it looks separated by commas, where tabs are expected"),
        (
            "s.json",
            b"{}",
            "s.json: its ending says no format that can be read: it has to be one of .csv, .csv.gz, .tsv",
        ),
        ("s", b"a\n1\n", "s: its ending says no format"),
    ],
)
def test_other_broken_files_are_refused_likewise(tmp_path, name, data, said):
    assert said in refusal(tmp_path, name, data)


def test_all_that_is_wrong_with_the_headers_of_all_files_is_said_at_once(tmp_path):
    (tmp_path / "1.csv").write_text("a,a,\n1,2,3\n")
    (tmp_path / "2.csv").write_text(" b\n1\n")
    with pytest.raises(InputError) as caught:
        open_source(["1.csv", "2.csv", "3.csv"], tmp_path)
    assert [problem.file.rsplit(os.sep)[-1] for problem in caught.value.problems] == ["1.csv"] * 2 + [
        "2.csv",
        "3.csv",
    ]


def test_every_ragged_row_is_told_and_the_others_are_read(tmp_path):
    (tmp_path / "s.csv").write_text('a,b\n1\n2,2\n"3\n3",3,3\n4,4\n,,\n')
    problems = []
    rows = read(tmp_path, "s.csv", problem=problems.append)
    assert [row.line for row in rows] == [3, 6]
    assert [problem.line for problem in problems] == [2, 4, 7]
    assert {problem.file for problem in problems} == {str(tmp_path / "s.csv")}


def test_a_file_of_which_every_row_was_refused_is_not_called_one_without_rows(tmp_path):
    (tmp_path / "s.csv").write_text("a,b\n1\n")
    problems = []
    assert read(tmp_path, "s.csv", problem=problems.append) == []
    assert len(problems) == 1


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines_module, "LONGEST_LINE", 1000)
    said = refusal(tmp_path, "s.csv", b"a\nx\n" + b"y" * 5000)
    assert "s.csv:3: the line is longer than 1,000 characters" in said


def test_a_cell_of_the_greatest_length_is_read(tmp_path):
    (tmp_path / "s.csv").write_text("a\n" + "x" * csv.field_size_limit())
    assert len(read(tmp_path, "s.csv")[0].cells["a"]) == csv.field_size_limit()


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: does not exist: check the path"):
        read(tmp_path, "none.csv")


def test_a_directory_is_refused_with_a_glob_to_use_instead(tmp_path):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(InputError, match=r"d\.csv: is a directory: name a file in it, or a glob such as"):
        read(tmp_path, "d.csv")


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(InputError, match=r"p\.csv: cannot be read: it is a pipe or a device"):
        read(tmp_path, "p.csv")


def test_a_file_that_may_not_be_read_is_refused():
    def reader():
        raise PermissionError(13, "Permission denied")

    with pytest.raises(InputError, match=r"^x/s\.csv: may not be read by this user: check its permissions$"):
        SourceFile("s.csv", "x/s.csv", reader).open()


def test_a_disk_that_fails_while_it_is_read_is_told_with_the_line():
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            if self.tell_once:
                self.tell_once = False
                buffer[:6] = b"a\nx\ny\n"
                return 6
            raise OSError(5, "Input/output error")

        tell_once = True

    file = SourceFile("s.csv", "s.csv", lambda: io.BufferedReader(Failing()))
    with pytest.raises(InputError, match=r"^s\.csv:4: cannot be read: Input/output error$"):
        list(lines_module.read_lines(file, packed=False))
