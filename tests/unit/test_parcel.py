"""Parcels: what is packed is what is unpacked, nothing else is written or read, and no more than a limit."""

import io
import os
import stat
import zipfile
from pathlib import Path

import orjson
import pytest

from bulkseg.errors import ConfigError, InputError
from bulkseg.job import load_job, with_source
from bulkseg.parcel import pack, unpacked
from bulkseg.pipeline import plan
from bulkseg.planning import RunOptions

JOB = """
[source]
path = ["../data/*.csv", "s3://bucket/more.csv"]
[[segment]]
body_file = "bodies/gold.json"
name = "{{ region }}"
"""
LOCAL = JOB.replace(', "s3://bucket/more.csv"', "")


@pytest.fixture
def job(tmp_path):
    (tmp_path / "home" / "jobs" / "bodies").mkdir(parents=True)
    (tmp_path / "home" / "data").mkdir()
    (tmp_path / "home" / "jobs" / "bodies" / "gold.json").write_text('{"description": "gold"}')
    (tmp_path / "home" / "data" / "a.csv").write_text("region\nNA\n")
    (tmp_path / "home" / "data" / "b.csv").write_text("region\nEMEA\n")
    (tmp_path / "home" / "jobs" / "nightly.toml").write_text(LOCAL)
    return tmp_path / "home" / "jobs" / "nightly.toml"


def archive(index=None, **members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        index = {"version": 1, "job": "job/x.csv", "source": None} if index is None else index
        into.writestr("parcel.json", orjson.dumps(index))
        for name, content in members.items():
            into.writestr(name, content)
    return packed.getvalue()


def planned(parcel):
    with unpacked(parcel) as found:
        job = with_source(load_job(found.job), found.source)
        return plan(job, RunOptions(checkpoint=Path("none.checkpoint")))


# --- There and back -------------------------------------------------------------------------------------


def test_a_job_comes_to_the_same_from_a_parcel(job):
    here, there = plan(load_job(job), RunOptions()), planned(pack(job))
    assert there.first == here.first
    assert [spec.file for spec in there.first] == ["../data/a.csv", "../data/b.csv"]


def test_the_same_files_make_the_same_bytes_wherever_they_lie(job, tmp_path, monkeypatch):
    parcel = pack(job)
    (tmp_path / "home").rename(tmp_path / "moved")
    os.utime(tmp_path / "moved" / "data" / "a.csv", (1, 1))
    monkeypatch.chdir(tmp_path / "moved")
    assert pack(Path("jobs/nightly.toml")) == parcel
    assert str(tmp_path).encode() not in parcel


def test_a_given_source_takes_the_place_of_the_jobs_own(job, tmp_path):
    (tmp_path / "mended.csv").write_text("region\nLA\n")
    parcel = pack(job, tmp_path / "mended.csv")
    assert [spec.name for spec in planned(parcel).first] == ["LA"]
    assert "job/data/a.csv" not in zipfile.ZipFile(io.BytesIO(parcel)).namelist()


def test_a_bare_data_file_is_a_job_too(job):
    (job.parent / "s.csv").write_text("name\nNA\n")
    assert [spec.name for spec in planned(pack(job.parent / "s.csv")).first] == ["NA"]


def test_the_folder_is_private_and_gone_afterwards(job):
    with unpacked(pack(job)) as found:
        folder = found.job.parents[2]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert not folder.exists()


def test_what_lies_in_a_store_stays_there(job):
    job.write_text(JOB)
    with unpacked(pack(job)) as found:
        assert load_job(found.job).sources == ("../data/*.csv", "s3://bucket/more.csv")


def test_what_is_wrong_is_told_by_its_name_in_the_parcel(job):
    (job.parent.parent / "data" / "b.csv").write_text("region\nNA\n")
    with pytest.raises(InputError) as told:
        planned(pack(job))
    (problem,) = told.value.problems
    assert (problem.file, problem.line) == ("jobs/../data/b.csv", 2)
    assert "jobs/../data/a.csv:2 " in problem.what
    assert "bulkseg-" not in str(told.value)


# --- Refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "names a file of one machine"),
        ("file:///etc/passwd", "names a file of one machine"),
        ("bodies/../x.csv", "goes into a folder and out again"),
        ("-", "standard input cannot be embedded"),
        ("none.csv", "none.csv: cannot be read: No such file"),
        ("*.tsv", "no file matches"),
        ("bodies", "cannot be read: it is no file"),
    ],
)
def test_what_cannot_be_packed_is_told(job, name, said):
    job.write_text(LOCAL.replace("../data/*.csv", name))
    with pytest.raises(InputError, match=said):
        pack(job)


def test_a_parcel_that_is_too_large_is_told_by_the_file_that_makes_it_so(job):
    (job.parent.parent / "data" / "b.csv").write_bytes(os.urandom(100_000))
    with pytest.raises(
        InputError, match=r"data/b.csv: is too large to be embedded: .* more than 0.0625 MiB; .* URL"
    ):
        pack(job, limit=1 << 16)
    assert len(pack(job, limit=110_000)) <= 110_000


@pytest.mark.parametrize(
    "name", ["../x", "job/../../x", "/x", "job//../../x", "job", "x", "job/\0x", "source/..", ".."]
)
def test_no_file_is_written_outside_of_the_folder(name):
    index = {"version": 1, "job": name, "source": None}
    for parcel in (archive(**{"job/x.csv": "name\nx\n", name: "evil"}), archive(index, **{"job/x.csv": ""})):
        with pytest.raises(ConfigError, match="is damaged"), unpacked(parcel):
            pass


@pytest.mark.parametrize("name", ["/etc/passwd", "file:///etc/passwd", "../x.json", "../../x.json"])
@pytest.mark.parametrize(
    "table", ['[source]\npath="{}"', '[source]\npath="a.csv"\n[[segment]]\nname="x"\nbody_file="{}"']
)
def test_a_job_from_a_parcel_reads_no_file_outside_of_it(name, table):
    text = table.format(name) + ("" if "segment" in table else '\n[[segment]]\nname="x"')
    parcel = archive({"version": 1, "job": "job/n.toml", "source": None}, **{"job/n.toml": text})
    with pytest.raises(InputError, match=r"^n.toml: .*as seen from itself$"), unpacked(parcel):
        pass


@pytest.mark.parametrize(
    "parcel",
    [
        b"",
        b"PK",
        archive({"version": 2, "job": "job/x.csv", "source": None}),
        archive([]),
        archive({"version": 1}, **{"job/x.csv": ""}),
        archive({"version": 1, "job": None, "source": None}),
        archive({"version": 1, "job": "job/x.csv", "source": 7}, **{"job/x.csv": ""}),
        archive(),
        archive(**{"job/x.csv": "", "job/x.csv/y": ""}),
        archive(**{"job/x.csv": "name\nlong enough\n"}).replace(b"long enough", b"xxxx xxxxxx"),
        archive(**{"job/x.csv": "name\nlong enough\n"})[:-30],
    ],
)  # fmt: skip
def test_a_damaged_parcel_is_told(parcel):
    with (
        pytest.raises(ConfigError, match=r"what was embedded is damaged .*: submit the job again"),
        unpacked(parcel),
    ):
        pass


def test_a_parcel_that_unfolds_to_more_than_it_may_is_stopped(monkeypatch):
    monkeypatch.setattr("bulkseg.parcel.unpacking.LARGEST", 1_000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as into:
        into.writestr("parcel.json", orjson.dumps({"version": 1, "job": "job/x.csv", "source": None}))
        into.writestr("job/x.csv", b"0" * 10_000_000)
    with pytest.raises(ConfigError, match="unpacked, it has more than"), unpacked(packed.getvalue()):
        pass
