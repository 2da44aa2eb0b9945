"""What lies elsewhere: which URLs are taken, what they name, and that a job is read as if it lay here."""

import io
import sys
from contextlib import closing
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from bulkseg.cli.caret import pointed
from bulkseg.errors import ConfigError, InputError
from bulkseg.find import job_of
from bulkseg.job import load_job, with_source
from bulkseg.location import Database
from bulkseg.pipeline import plan
from bulkseg.planning import RunOptions
from bulkseg.redact import secrets
from bulkseg.remote import Url, joined, place_of
from bulkseg.remote import stores as stores_module
from bulkseg.rows import open_source

ROOT = "memory://bucket"
JOB = b"""
[source]
path = "data/*.csv"
[[segment]]
body_file = "../shared/gold.json"
name = "{{ region }}, line {{ _line }} of {{ _source }}"
"""
ELSEWHERE = RunOptions(checkpoint=Path("none.checkpoint"))


@pytest.fixture
def store():
    """A store in memory, with a job in it; empty afterwards."""
    files = fsspec.filesystem("memory")
    files.pipe("/bucket/jobs/nightly.toml", JOB)
    files.pipe("/bucket/shared/gold.json", b'{"description": "gold"}')
    files.pipe("/bucket/jobs/data/b.csv", b"region\nEMEA\n")
    files.pipe("/bucket/jobs/data/a.csv", b"region\nNA\nLA\n")
    yield files
    files.rm("/bucket", recursive=True)


def names(source):
    with closing(source):
        return [row.cells["region"] for batch in source.batches() for row in batch]


# --- Names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a/b.csv", Path("a/b.csv")),
        ("C:/b.csv", Path("C:/b.csv")),
        ("a::b.csv", Path("a::b.csv")),
        ("file:///a#b.csv", Path("/a#b.csv")),
        ("file:///a%20b/c.csv", Path("/a b/c.csv")),
        ("S3://b/x.csv", Url("s3://b/x.csv")),
        ("gs://b/d?/year=2024/*.csv", Url("gs://b/d?/year=2024/*.csv")),
        ("abfs://container@account.dfs.core.windows.net/x.csv", Url("abfs://container@account.dfs.core.windows.net/x.csv")),
    ],
)  # fmt: skip
def test_a_url_stands_where_a_path_does(text, place):
    assert place_of(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "https://intranet/x.csv",
        "http://127.0.0.1/x.csv",
        "ftp://h/x.csv",
        "sftp://h/x.csv",
        "postgresql://h/db",
        "simplecache::s3://b/x.csv",
        "file://elsewhere/x.csv",
        "file::s3://b/x.csv",
    ],
)
def test_what_is_no_store_is_refused_by_its_name(text):
    with pytest.raises(ConfigError, match="(?s)^" + text.replace("/", "\\/")):
        place_of(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://AKIDEXAMPLE:sesame-sesame@b/x.csv", "s3://b/x.csv"),
        ("s3://sesame-sesame@b/x.csv", "s3://b/x.csv"),
        ("az://c/x.csv?sv=1&sig=sesame-sesame", "az://c/x.csv"),
        ("https://h/x.csv?X-Amz-Signature=sesame-sesame", "https://h/x.csv"),
    ],
)
def test_credentials_in_a_url_are_refused_and_never_shown(text, shown):
    with pytest.raises(ConfigError, match="credentials or a query in it") as told:
        place_of(text)
    assert str(told.value).startswith(f"{shown}: ")
    assert "sesame" not in str(told.value)
    assert "sesame-sesame" not in secrets.text("said sesame-sesame")


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("x.csv", "s3://b/jobs/x.csv"),
        ("../x.csv", "s3://b/x.csv"),
        ("./d//x.csv", "s3://b/jobs/d/x.csv"),
        ("gs://other/x.csv", "gs://other/x.csv"),
    ],
)
def test_relative_names_begin_at_the_folder_of_the_job(name, url):
    assert str(joined(Url("s3://b/jobs"), name)) == url


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "a job that lies elsewhere names no file of this machine"),
        ("file:///etc/passwd", "a job that lies elsewhere names no file of this machine"),
        ("../../other/x.csv", "leads out of the store"),
        ("../../../x.csv", "leads out of the store"),
        ("https://h/x", "cannot be read from there"),
    ],
)
def test_a_job_that_lies_elsewhere_names_no_file_of_this_machine_nor_of_another_store(name, said):
    with pytest.raises(InputError, match=f"^s3://b/jobs: {name}: {said}"):
        joined(Url("s3://b/jobs"), name)


# --- Read -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("store")
def test_a_job_is_read_from_there_with_its_body_files_and_sources():
    made = plan(load_job(Url(f"{ROOT}/jobs/nightly.toml")), ELSEWHERE)
    assert [(spec.file, spec.name) for spec in made.first] == [
        ("data/a.csv", "NA, line 2 of data/a.csv"),
        ("data/a.csv", "LA, line 3 of data/a.csv"),
        ("data/b.csv", "EMEA, line 2 of data/b.csv"),
    ]
    assert b"gold" in made.first[0].body
    assert job_of(f"{ROOT}/jobs/data/a.csv").bare


def test_it_comes_to_the_same_wherever_it_lies(store, tmp_path):
    store.get("/bucket/", str(tmp_path), recursive=True)
    here, there = load_job(tmp_path / "jobs" / "nightly.toml"), load_job(Url(f"{ROOT}/jobs/nightly.toml"))
    assert here.fingerprint == there.fingerprint
    prints = set()
    for job in (here, there):
        with closing(open_source(job.sources, job.base)) as source:
            prints.add(source.fingerprint)
    assert len(prints) == 1


def test_a_source_of_a_local_job_may_be_a_url_and_is_brought_once(store, tmp_path, monkeypatch):
    opened = []
    real = stores_module.opened
    monkeypatch.setattr(stores_module, "opened", lambda url: opened.append(url) or real(url))
    source = open_source([f"{ROOT}/jobs/data/*.csv"], tmp_path)
    store.pipe("/bucket/jobs/data/a.csv", b"region\nchanged since\n")
    assert [len(batch) for batch in source.batches()] == [3]
    assert names(source) == ["NA", "LA", "EMEA"]
    assert opened == list(source.files) == [f"{ROOT}/jobs/data/a.csv", f"{ROOT}/jobs/data/b.csv"]
    assert source.display(source.files[0]) == source.files[0]


def test_every_kind_of_source_is_read_from_there(store, tmp_path):
    table = pd.DataFrame({"region": ["NA", "LA"]})
    for name, write in (
        ("t.parquet", table.to_parquet),
        ("t.xlsx", table.to_excel),
        ("t.csv.gz", table.to_csv),
    ):
        write(tmp_path / name, index=False)
        store.put(str(tmp_path / name), f"/bucket/{name}")
        assert names(open_source([f"{ROOT}/{name}"], tmp_path)) == ["NA", "LA"]


def test_a_file_url_is_a_path(tmp_path):
    (tmp_path / "a 1.csv").write_text("region\nNA\n")
    assert names(open_source([f"file://{tmp_path}/a%201.csv"], Path("elsewhere"))) == ["NA"]
    assert names(open_source([f"file://{tmp_path}/*.csv"], Path("elsewhere"))) == ["NA"]


@pytest.mark.usefixtures("store")
def test_another_source_may_lie_here_or_there(tmp_path):
    (tmp_path / "mine.csv").write_text("region\nmine\n")
    job = load_job(Url(f"{ROOT}/jobs/nightly.toml"))
    here = with_source(job, tmp_path / "mine.csv")
    assert names(open_source(here.sources, here.base)) == ["mine"]
    there = with_source(here, Url(f"{ROOT}/jobs/data/b.csv"))
    assert names(open_source(there.sources, there.base)) == ["EMEA"]


# --- What goes wrong ------------------------------------------------------------------------------------


def test_what_is_wrong_is_told_by_its_url_with_a_caret_below_the_cell(store):
    store.pipe("/bucket/jobs/data/a.csv", b"region,size\nNA,1,2\n")
    with pytest.raises(InputError) as told:
        plan(load_job(Url(f"{ROOT}/jobs/data/a.csv")), ELSEWHERE)
    shown = list(pointed(told.value, 80))
    place = f"{ROOT}/jobs/data/a.csv:1: size: "
    at = next(number for number, line in enumerate(shown) if line.startswith(place))
    assert shown[at + 1 : at + 3] == ["  | region,size", "           ^^^^"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.csv", f"{ROOT}/jobs/none.csv: does not exist"),
        ("none*.csv", f"{ROOT}/jobs/none*.csv: no file matches"),
        ("s3://b/x.csv", "s3:// needs more: pip install 's3fs'"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_source_that_is_not_there_is_told_by_its_url(path, said):
    with pytest.raises((InputError, ConfigError)) as told:
        open_source([path], Url(f"{ROOT}/jobs"))
    assert str(told.value).startswith(said)


@pytest.mark.usefixtures("store")
def test_files_that_are_too_large_are_told(monkeypatch):
    monkeypatch.setattr("bulkseg.rows.place.LARGEST", 10)
    with pytest.raises(InputError, match=f"^{ROOT}/jobs/data/a.csv: cannot be read: .* larger than"):
        open_source([f"{ROOT}/jobs/data/a.csv"], Path())
    monkeypatch.setattr("bulkseg.remote.url.LONGEST", 10)
    with pytest.raises(InputError, match=r"nightly.toml: cannot be read: it is larger than"):
        load_job(Url(f"{ROOT}/jobs/nightly.toml"))


def test_a_store_that_fails_is_told_in_its_words_without_a_secret(store, monkeypatch):
    secrets.learn("sesame-sesame")

    class Failing(io.BytesIO):
        def read(self, _=-1):
            raise RuntimeError("no\nanswer for sesame-sesame")

    monkeypatch.setattr(type(store), "open", lambda *_: Failing())
    with pytest.raises(
        InputError, match=r"b.csv: cannot be read: memory: RuntimeError: no answer for \[redacted\]$"
    ):
        open_source([f"{ROOT}/jobs/data/b.csv"], Path())


@pytest.mark.usefixtures("store")
def test_without_fsspec_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "bulkseg.remote.stores")
    monkeypatch.delattr("bulkseg.remote.stores")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ConfigError, match=r"pip install 'bulkseg\[remote\]'"):
        load_job(Url(f"{ROOT}/jobs/nightly.toml"))


def test_a_checkpoint_does_not_lie_beside_a_job_that_lies_elsewhere(store, tmp_path):
    job = load_job(Url(f"{ROOT}/jobs/nightly.toml"))
    with pytest.raises(ConfigError, match=r"^nightly lies where nothing is written: .*--checkpoint"):
        RunOptions().place(job)
    (tmp_path / "x.csv").write_text("name\nx\n")
    here = with_source(load_job(tmp_path / "x.csv"), Url(f"{ROOT}/jobs/data/a.csv"))
    assert RunOptions().place(here) == tmp_path / "x.checkpoint"
    store.pipe("/bucket/jobs/nightly.toml", b'[job]\ncheckpoint = "postgresql://h/db"\n' + JOB)
    job = load_job(Url(f"{ROOT}/jobs/nightly.toml"))
    assert RunOptions().place(job) == Database("postgresql://h/db", "nightly")
