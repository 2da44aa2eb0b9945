"""Opening a checkpoint, refusing what is not one, closing it, and putting it aside: with real files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from bulkseg.checkpoint import put_aside, read
from bulkseg.checkpoint.schema import VERSION
from bulkseg.errors import CheckpointBusy, CheckpointError
from tests.checkpoints import NOW, created, ids, opened, source, take_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nightly.checkpoint"


def made(path: Path) -> Path:
    with opened(path) as checkpoint:
        take_in(checkpoint, source("abc"))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith(".lock")}


def test_a_checkpoint_and_what_lies_beside_it_are_private(path):
    with opened(path) as checkpoint:
        take_in(checkpoint, source("abc"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    names = {path.name + end for end in ("", "-wal", "-shm", ".lock")}
    assert modes == dict.fromkeys(names, 0o600)


def test_a_clean_close_leaves_one_file_and_the_lock(path):
    made(path)
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, path.name + ".lock"]
    assert path.read_bytes()[18:20] == b"\1\1"  # no WAL mode: readable where nothing can be written


def test_what_was_taken_in_is_there_after_it_is_opened_again(place):
    made(place)
    with opened(place) as checkpoint:
        assert set(ids(checkpoint)) == set("abc")
        assert checkpoint.unchanged("s", "j")
        assert not checkpoint.unchanged("s", "other")
        assert not checkpoint.unchanged("other", "j")


def test_closing_it_twice_is_closing_it_once(place):
    checkpoint = opened(place)
    checkpoint.close()
    checkpoint.close()
    opened(place).close()


async def test_what_comes_after_the_close_is_refused(place):
    checkpoint = opened(place)
    take_in(checkpoint, source("a"))
    number = ids(checkpoint)["a"]
    checkpoint.close()
    with pytest.raises(CheckpointError, match="closed"):
        await checkpoint.record([created(number, "1")])


def test_two_processes_do_not_hold_it_at_once(path):
    code = (
        "import sys; from tests.checkpoints import opened; from pathlib import Path\n"
        "from bulkseg.errors import CheckpointBusy\n"
        "try: opened(Path(sys.argv[1]))\n"
        "except CheckpointBusy as error: print(error); sys.exit(error.exit_status)"
    )
    with opened(path):
        other = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
        )
        assert (other.returncode, other.stdout.count(str(os.getpid()))) == (4, 1)
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 0


def test_one_file_under_two_names_is_one_checkpoint(path):
    made(path)
    other = path.with_name("other.checkpoint")
    other.symlink_to(path)
    with opened(path), pytest.raises(CheckpointBusy):
        opened(other)


def text(path: Path) -> None:
    path.write_text("name,description\n" * 100, encoding="utf-8")


def empty(path: Path) -> None:
    path.touch()


def truncated_in_the_header(path: Path) -> None:
    os.truncate(made(path), 50)


def truncated_after_the_header(path: Path) -> None:
    os.truncate(made(path), 8192)


def truncated_within_its_last_page(path: Path) -> None:
    os.truncate(made(path), path.stat().st_size - 1000)


def scribbled_over(path: Path) -> None:
    with made(path).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)


def another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE bookmarks (url)")


def without_its_tables(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        connection.execute("DROP TABLE run")


def of_a_newer_version(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")


def of_a_version_with_no_way_forward(path: Path) -> None:
    with closing(sqlite3.connect(made(path))) as connection:
        connection.execute("PRAGMA user_version = 0")


def of_another_job(path: Path) -> None:
    opened(path, job="another").close()


def a_folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (text, "not a bulkseg checkpoint.*not touched"),
        (empty, "damaged: it is cut off; it was not touched"),
        (truncated_in_the_header, "damaged.*not touched"),
        (truncated_after_the_header, "damaged"),
        (truncated_within_its_last_page, "damaged: it is cut off"),
        (scribbled_over, "damaged"),
        (another_programs, "another program's database; it was not touched"),
        (without_its_tables, "no such table: run"),
        (of_a_newer_version, "made by a newer bulkseg"),
        (of_a_version_with_no_way_forward, "made by an older bulkseg"),
        (of_another_job, "the checkpoint of the job another, not of nightly; it was not touched"),
    ],
)
def test_what_is_no_usable_checkpoint_is_refused_and_left_as_it_is(path, make, message):
    make(path)
    before = contents(path.parent)
    with pytest.raises(CheckpointError, match=message) as refused:
        opened(path)
    assert refused.value.exit_status == 2
    assert contents(path.parent) == before


def test_a_folder_of_that_name_is_refused(path):
    path.mkdir()
    with pytest.raises(CheckpointError, match="is not a file"):
        opened(path)


def test_after_a_refusal_the_lock_is_free(path):
    text(path)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="not a bulkseg checkpoint"):
            opened(path)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_what_is_read_only_is_refused_in_words(path, place, monkeypatch):
    made(path)
    barred = path if place == "file" else path.parent
    allowed = os.access  # the tests may run as root, to whom nothing is read-only
    monkeypatch.setattr(os, "access", lambda where, mode: where != barred and allowed(where, mode))
    with pytest.raises(CheckpointError, match=rf"{barred} is read-only"):
        opened(path)


def test_a_wal_whose_checkpoint_is_gone_is_not_given_to_a_new_one(path):
    path.with_name(path.name + "-wal").write_bytes(b"what was recorded last")
    with pytest.raises(CheckpointError, match=r"is gone, but nightly\.checkpoint-wal is there"):
        opened(path)


def test_what_a_process_left_that_died_while_making_it_is_made_anew(path):
    path.with_name(path.name + ".new").write_bytes(b"half")
    made(path)
    assert not path.with_name(path.name + ".new").exists()


def test_an_older_version_is_brought_forward_and_says_so(path):
    of_a_version_with_no_way_forward(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE stood RENAME TO stood_in_version_0")
    with opened(path, migrations={0: ["ALTER TABLE stood_in_version_0 RENAME TO stood"]}) as checkpoint:
        assert checkpoint.migrated_from == 0
        assert set(ids(checkpoint)) == set("abc")
    with opened(path) as checkpoint:
        assert checkpoint.migrated_from is None


def test_a_migration_that_fails_half_way_changes_nothing(path):
    of_a_version_with_no_way_forward(path)
    before = contents(path.parent)
    with pytest.raises(CheckpointError):
        opened(path, migrations={0: ["DROP TABLE stood", "DROP TABLE not_there"]})
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM stood").fetchone() == (0,)
    assert before.keys() == contents(path.parent).keys()


# --- Runs and binding -----------------------------------------------------------------------------------


def test_the_first_run_pins_the_day(place):
    with opened(place) as checkpoint:
        assert checkpoint.today is None
        assert checkpoint.begin_run(NOW, date(2026, 1, 1)) == 1
        checkpoint.end_run(1, {"exit": 0}, NOW + 5)
    with opened(place) as checkpoint:
        assert checkpoint.begin_run(NOW + 86_400, date(2026, 1, 2)) == 2
        assert checkpoint.today == date(2026, 1, 1)


def test_it_belongs_to_the_site_that_it_was_used_with_first(place):
    with opened(place) as checkpoint:
        assert checkpoint.site is None
        checkpoint.bind("1234")
    with opened(place) as checkpoint:
        checkpoint.bind("1234")
        with pytest.raises(CheckpointError, match="site 1234, and this is 5678"):
            checkpoint.bind("5678")
        assert checkpoint.site == "1234"


# --- Put aside ------------------------------------------------------------------------------------------


def test_a_checkpoint_that_is_put_aside_keeps_its_content_under_another_name(path):
    made(path)
    aside = put_aside(path, job="nightly", now=NOW)
    assert aside == path.with_name("nightly.checkpoint.20251009T085320.000000Z.old")
    with read(aside) as reader:
        assert reader.meta.specs == 3
    with opened(path) as checkpoint:
        assert checkpoint.count_open() == 0


def test_what_is_not_there_needs_no_putting_aside(place):
    assert put_aside(place, job="nightly", now=NOW) is None


def test_a_damaged_checkpoint_can_be_put_aside(path):
    truncated_after_the_header(path)
    before = path.read_bytes()
    aside = put_aside(path, job="nightly", now=NOW)
    assert aside.read_bytes() == before
    opened(path).close()


def test_nothing_is_put_aside_over_what_was_put_aside_before(path):
    made(path)
    put_aside(path, job="nightly", now=NOW)
    made(path)
    with pytest.raises(CheckpointError, match="is there already"):
        put_aside(path, job="nightly", now=NOW)
    assert path.exists()


@pytest.mark.parametrize("make", [another_programs, of_another_job, text])
def test_what_is_not_the_jobs_own_is_not_put_aside(path, make):
    make(path)
    before = contents(path.parent)
    with pytest.raises(CheckpointError):
        put_aside(path, job="nightly", now=NOW)
    assert contents(path.parent) == before


def test_what_a_process_holds_is_not_put_aside(place):
    with opened(place), pytest.raises(CheckpointBusy):
        put_aside(place, job="nightly", now=NOW)


async def test_what_a_killed_process_left_in_the_wal_goes_along(path):
    checkpoint = opened(path)
    take_in(checkpoint, source("a"))
    await checkpoint.record([created(ids(checkpoint)["a"], "17")])
    left = path.parent / "left"
    left.mkdir()
    for side in ("", "-wal"):
        shutil.copy(path.with_name(path.name + side), left / (path.name + side))
    checkpoint.close()
    aside = put_aside(left / path.name, job="nightly", now=NOW)
    with read(aside) as reader:
        assert [row.segment_id for row in reader.specs()] == ["17"]


def locks_on(path):
    """Each without its number, which counts the locks of the whole machine."""
    lines = (line.partition(": ")[2] for line in Path("/proc/locks").read_text().splitlines())
    return [line for line in lines if f":{path.stat().st_ino} " in line]


def test_a_process_that_looks_at_a_held_checkpoint_does_not_let_go_of_its_locks(path):
    # Closing any descriptor of a file lets go of the process's POSIX locks on it (howtocorrupt.html, 2.2).
    with opened(path) as checkpoint:
        take_in(checkpoint, source("a"))
        locks = locks_on(path)
        with read(path) as reader:
            reader.counts()
        assert locks == locks_on(path) != []
