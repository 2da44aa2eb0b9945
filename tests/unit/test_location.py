"""Where a checkpoint lies: a file, or a database; and that no password of an address is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkseg.errors import ConfigError, InputError
from bulkseg.job import load_job
from bulkseg.location import Database, located, named
from bulkseg.redact import secrets

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("text", ["x.checkpoint", "a/b.checkpoint", "postgresql.checkpoint", "C:/x"])
def test_what_is_no_address_is_a_file(text):
    assert located(text) == Path(text)


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("postgresql://h/db", None, "postgresql://h/db"),
        ("postgres://u@h:5433/db#nightly", "nightly", "postgres://u@h:5433/db#nightly"),
        (f"postgresql://u:{SECRET}@h/db#a%20b", "a b", "postgresql://u@h/db#a%20b"),
        (f"postgresql://u:{SECRET}@h1:1,h2:2/db", None, "postgresql://u@h1:1,h2:2/db"),
        (f"postgresql://h/db?sslmode=require&password={SECRET}", None, "postgresql://h/db?sslmode=require"),
        ("postgresql:///db?host=/run/postgresql", None, "postgresql:///db?host=/run/postgresql"),
        ("postgresql://u@[::1]:5432/db", None, "postgresql://u@[::1]:5432/db"),
    ],
)
def test_an_address_has_a_name_after_its_hash_and_is_shown_without_its_password(text, name, shown):
    database = located(text)
    assert (database.name, str(database)) == (name, shown)
    assert SECRET not in repr(database)
    assert database.has_secret == (SECRET in text)


def test_the_password_of_an_address_is_masked_wherever_else_it_turns_up():
    located("postgresql://u:open%20sesame-7@h/db")
    assert secrets.text("failed for open sesame-7") == "failed for [redacted]"


@pytest.mark.parametrize(
    "text", ["postgresql://u:a#b@h/db", "postgresql://u:a/b@h/db", "postgresql://u:a?b@h"]
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_a_piece_of_it(text):
    with pytest.raises(ConfigError, match="cannot be read") as refused:
        located(text)
    assert "@h" not in str(refused.value)


def test_what_has_no_name_of_its_own_has_the_jobs():
    database = Database("postgresql://h/db")
    assert named(database, "nightly").name == "nightly"
    assert named(Database("postgresql://h/db", "other"), "nightly").name == "other"
    assert named(Path("x"), "nightly") == Path("x")


JOB = """
[job]
name = "nightly"
checkpoint = "{}"
[source]
path = "s.csv"
[[segment]]
template = "t"
name = "x"
"""


def job(folder: Path, checkpoint: str):
    path = folder / "j.toml"
    path.write_text(JOB.format(checkpoint), encoding="utf-8")
    return load_job(path)


def test_a_job_file_may_name_a_database(tmp_path):
    assert str(job(tmp_path, "postgresql://h/db").checkpoint) == "postgresql://h/db#nightly"
    assert str(job(tmp_path, "postgresql://h/db#{{ 'x' ~ 1 }}").checkpoint) == "postgresql://h/db#x1"


@pytest.mark.parametrize(
    "checkpoint", [f"postgresql://u:{SECRET}@h/db", f"postgresql://h/db?password={SECRET}"]
)
def test_a_password_in_a_job_file_is_refused(tmp_path, checkpoint):
    with pytest.raises(InputError, match="has a password in it") as refused:
        job(tmp_path, checkpoint)
    assert SECRET not in str(refused.value)
