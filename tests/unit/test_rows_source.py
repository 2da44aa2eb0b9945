"""The source as a whole: globs, several files, stdin, passes, fingerprints."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bulkseg.errors import InputError
from bulkseg.rows import open_source


@pytest.fixture
def folder(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").write_text(f"name,id\n{name},1\n")
    return tmp_path


def names(source, size=2000):
    return [row.cells["name"] for batch in source.batches(size) for row in batch]


def test_a_glob_gives_its_files_sorted_and_labelled_as_they_lie_under_the_base(folder):
    source = open_source(["*.csv"], folder)
    assert source.files == ("a.csv", "b.csv", "c.csv")
    assert names(source) == ["a", "b", "c"]
    assert [(row.file, row.line) for batch in source.batches() for row in batch] == [
        ("a.csv", 2),
        ("b.csv", 2),
        ("c.csv", 2),
    ]


def test_a_glob_is_sorted_whatever_order_the_file_system_has(tmp_path):
    wanted = [f"{number:03}.csv" for number in range(40)]
    for name in reversed(wanted[::2] + wanted[1::2]):
        (tmp_path / name).write_text("name\nx\n")
    assert open_source(["*.csv"], tmp_path).files == tuple(wanted)


def test_a_batch_may_span_files(folder):
    assert [len(batch) for batch in open_source(["*.csv"], folder).batches(2)] == [2, 1]


def test_files_come_in_the_order_of_the_job_and_each_once(folder):
    source = open_source(["c.csv", "*.csv"], folder)
    assert source.files == ("c.csv", "a.csv", "b.csv")


def test_a_glob_reaches_into_folders(folder):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "d.csv").write_text("name,id\nd,1\n")
    assert open_source(["deep/**/*.csv"], folder).files == (os.path.join("deep", "er", "d.csv"),)  # noqa: PTH118


def test_an_absolute_glob_is_taken_as_it_is(folder):
    assert names(open_source([str(folder / "*.csv")], Path("elsewhere"))) == ["a", "b", "c"]


def test_a_file_whose_name_looks_like_a_glob_is_read(folder):
    (folder / "data [1].csv").write_text("name,id\nx,1\n")
    assert open_source(["data [1].csv"], folder).files == ("data [1].csv",)


def test_a_glob_that_nothing_matches_is_refused(folder):
    with pytest.raises(InputError, match=r"\*\.tsv: no file matches: check the pattern and the folder"):
        open_source(["*.tsv"], folder)


def test_a_label_is_shown_as_a_path_from_where_the_reader_stands(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    source = open_source(["a.csv"], Path(folder.name))
    assert source.display("a.csv") == os.path.join(folder.name, "a.csv")  # noqa: PTH118


def test_files_with_other_columns_are_refused_and_both_are_named(folder):
    (folder / "b.csv").write_text("name,ids\nx,1\n")
    with pytest.raises(InputError) as caught:
        open_source(["*.csv"], folder)
    said = str(caught.value)
    assert said.startswith(f"{folder / 'b.csv'}: has no column id and has a column ids of its own")
    assert f"unlike {folder / 'a.csv'}" in said


def test_the_order_of_the_columns_may_differ_between_files(folder):
    (folder / "b.csv").write_text("id,name\n7,x\n")
    source = open_source(["a.csv", "b.csv"], folder)
    assert source.columns == ("name", "id")
    assert [dict(row.cells) for batch in source.batches() for row in batch][1] == {"name": "x", "id": "7"}


def test_one_file_without_rows_among_others_is_refused(folder):
    (folder / "b.csv").write_text("name,id\n")
    with pytest.raises(InputError, match=r"b\.csv: has a header and no rows"):
        names(open_source(["*.csv"], folder))


@pytest.mark.parametrize("paths", [["*.csv"], ["-"]])
def test_two_passes_give_the_same_even_when_one_is_begun_within_the_other(folder, paths):
    source = open_source(paths, folder, stdin=io.BytesIO(b"name,id\n" + b"x,1\ny,2\n" * 30_000))
    first = source.batches(1)
    begun = next(first)
    second = [row for batch in source.batches() for row in batch]
    assert begun + [row for batch in first for row in batch] == second
    source.close()


def test_stdin_is_csv_and_its_rows_are_labelled_with_a_dash(folder):
    source = open_source(["-"], folder, stdin=io.BytesIO(b'\xef\xbb\xbfname,id\n"a\nb",1\nc,2\n'))
    assert [(row.file, row.line, row.cells["name"]) for batch in source.batches() for row in batch] == [
        ("-", 2, "a\nb"),
        ("-", 4, "c"),
    ]
    assert source.display("-") == "<stdin>"
    source.close()


def test_without_a_stream_handed_in_the_real_stdin_is_read(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"name\nx\n")))
    source = open_source(["-"], folder)
    assert names(source) == ["x"]
    source.close()


def test_a_broken_stdin_is_refused_like_a_file(folder):
    with pytest.raises(InputError, match=r"^<stdin>: is empty"):
        open_source(["-"], folder, stdin=io.BytesIO(b""))


def test_what_stdin_gave_leaves_no_file_behind(folder, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    source = open_source(["-"], folder, stdin=io.BytesIO(b"name\nx\n"))
    assert list(scratch.iterdir()) == []
    source.close()


def test_reading_a_csv_loads_no_library_of_the_other_formats(folder):
    script = (
        "import sys; from pathlib import Path; from bulkseg.rows import open_source;"
        "list(open_source(['a.csv'], Path(sys.argv[1])).batches());"
        "sys.exit(bool({'pandas', 'pyarrow', 'openpyxl'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", script, folder], check=True, cwd=Path(__file__).parents[2])


def test_a_source_that_names_no_file_is_refused(folder):
    with pytest.raises(InputError, match=r"the source names no file"):
        open_source([], folder)


def test_the_fingerprint_stays_when_only_the_time_of_a_file_changes(folder):
    before = open_source(["*.csv"], folder).fingerprint
    os.utime(folder / "a.csv", (1, 1))
    assert open_source(["*.csv"], folder).fingerprint == before


@pytest.mark.parametrize("change", ["content", "name", "order"])
def test_the_fingerprint_changes_with_content_and_with_the_files(folder, change):
    before = open_source(["a.csv", "b.csv"], folder).fingerprint
    paths = ["a.csv", "b.csv"]
    if change == "content":
        (folder / "b.csv").write_text("name,id\nb,2\n")
    elif change == "name":
        (folder / "b.csv").rename(folder / "d.csv")
        paths = ["a.csv", "d.csv"]
    else:
        paths.reverse()
    assert open_source(paths, folder).fingerprint != before


def test_the_fingerprint_of_stdin_is_that_of_what_it_gave(folder):
    marks = []
    for data in (b"name\nx\n", b"name\nx\n", b"name\ny\n"):
        source = open_source(["-"], folder, stdin=io.BytesIO(data))
        marks.append(source.fingerprint)
        source.close()
    assert marks[0] == marks[1] != marks[2]
