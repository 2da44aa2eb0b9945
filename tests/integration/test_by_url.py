"""The real commands over jobs and sources that are named by URL."""

import json
import os

import pytest

from tests.integration.commands import bulkseg, sandbox

SECRET = "sesame-open-sesame"
JOB = '[source]\npath = "file://{}/rows.csv"\n[[segment]]\nname = "{{{{ region }}}}"\n'


def test_a_file_url_is_a_job_like_any_other(tmp_path):
    (tmp_path / "rows.csv").write_text("region\nNA\nEMEA\n")
    (tmp_path / "nightly.toml").write_text(JOB.format(tmp_path))
    with sandbox("--port", "0", cwd=tmp_path) as site:
        ended = bulkseg("run", f"file://{tmp_path}/nightly.toml", "--json", cwd=os.sep, site=site)
    assert (ended.status, ended.document["states"]["created"]) == (0, 2), ended
    assert (tmp_path / "nightly.checkpoint").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["plan", "https://intranet/x.csv"],
            "https://intranet/x.csv: cannot be read from there: fetch it first",
        ),
        (["plan", f"s3://me:{SECRET}@b/x.csv"], "s3://b/x.csv: was given with credentials"),
        (["run", f"s3://b/x.csv?versionId={SECRET}"], "s3://b/x.csv: was given with credentials or a query"),
        (["plan", "s3://b/nightly.toml"], "s3:// needs more: pip install 's3fs'"),
        (["plan", "gs://b/x.csv"], "x.csv lies where nothing is written: name a place for its checkpoint"),
        (["plan", "rows.csv", "--source", "gs://b/x.csv"], "gs:// needs more: pip install 'gcsfs'"),
        (["results", "rows.csv", "--as-job", "--source", "ftp://h/x.csv"], "rows.csv has not been run yet"),
    ],
)
def test_what_cannot_be_read_ends_in_words_that_show_no_credentials(tmp_path, arguments, said):
    (tmp_path / "rows.csv").write_text("name\nNA\n")
    ended = bulkseg(*arguments, cwd=tmp_path)
    assert (ended.status, ended.err[: len(said)]) == (2, said)
    assert SECRET not in ended.out + ended.err


def test_the_document_of_a_run_that_did_not_begin_shows_no_credentials_either(tmp_path):
    ended = bulkseg("run", f"s3://me:{SECRET}@b/x.csv", "--json", cwd=tmp_path)
    assert ended.status == ended.document["exit"] == 2
    assert SECRET not in ended.out + ended.err
    assert json.loads(ended.out)["error"].startswith("s3://b/x.csv: ")
