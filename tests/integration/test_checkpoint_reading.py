"""Reading a checkpoint: beside a run, after it, and where nothing can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import pytest

from bulkseg.checkpoint import Meta, RunRow, exists, read
from bulkseg.errors import CheckpointError
from bulkseg.model import Record, State
from tests.checkpoints import NOW, created, opened, source, take_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.checkpoint"


async def test_a_reader_sees_each_commit_while_the_run_goes_on(place):
    with opened(place) as checkpoint:
        take_in(checkpoint, source("ab"))
        with read(place) as reader:
            assert reader.counts()[State.PENDING] == 2
            await checkpoint.record([created(1, "17")])
            assert reader.counts()[State.CREATED] == 1
            assert [row.segment_id for row in reader.specs([State.CREATED])] == ["17"]


async def test_a_reader_in_the_middle_of_the_specs_does_not_stop_the_writer_or_its_close(place):
    with opened(place) as checkpoint:
        take_in(checkpoint, source(f"{number:04}" for number in range(1500)))
        with read(place) as reader:
            rows = reader.specs()
            next(rows)
            await checkpoint.record([created(1500, "17")])
            checkpoint.close()
            assert [row.segment_id for row in rows][-1] == "17"
    opened(place).close()
    if isinstance(place, Path):
        assert not place.with_name(place.name + "-wal").exists()


def test_every_state_is_counted_and_only_what_is_in_the_source(place):
    with opened(place) as checkpoint:
        take_in(checkpoint, source("abc"))
        take_in(checkpoint, source("bcd"))
    with read(place) as reader:
        assert reader.counts() == dict.fromkeys(State, 0) | {State.PENDING: 3}
        assert reader.gone() == 1
        assert [row.key for row in reader.specs()] == ["a", "b", "c", "d"]


async def test_meta_and_runs_are_told(place):
    with opened(place) as checkpoint:
        take_in(checkpoint, source("abc"))
        checkpoint.end_run(checkpoint.begin_run(NOW, date(2026, 1, 1)), {"exit": 0}, NOW + 9)
        checkpoint.bind("1234")
        checkpoint.begin_run(NOW + 10, date(2026, 1, 2))
    with read(place) as reader:
        assert reader.meta == Meta("nightly", "1234", date(2026, 1, 1), NOW, 3, 3)
        assert reader.runs() == [
            RunRow(1, NOW, NOW + 9, {"exit": 0}),
            RunRow(2, NOW + 10, None, None),
        ]


def test_before_the_first_run_neither_site_nor_day_is_known(place):
    opened(place).close()
    with read(place) as reader:
        assert (reader.meta.site, reader.meta.today, reader.runs()) == (None, None, [])


async def test_the_commonest_errors_come_first_with_an_example(place):
    errors = ["name taken"] * 3 + ["no folder"] * 2 + ["odd"]
    with opened(place) as checkpoint:
        take_in(checkpoint, source("abcdefg"))
        await checkpoint.record(
            [Record(number, State.FAILED, 1, NOW, error=error) for number, error in enumerate(errors, 1)]
        )
        await checkpoint.record([Record(7, State.PENDING, 1, NOW, error="not an end")])
    with read(place) as reader:
        assert reader.commonest_errors(2) == [("name taken", 3, "a"), ("no folder", 2, "d")]


async def test_errors_that_differ_in_numbers_and_names_alone_are_one(place):
    errors = [
        "segment 7 is gone",
        "segment 12 is gone",
        '"A, 1" is taken',
        "segment 12 is gone",
        '"B" is taken',
    ]
    with opened(place) as checkpoint:
        take_in(checkpoint, source("abcde"))
        await checkpoint.record(
            [Record(number, State.FAILED, 1, NOW, error=error) for number, error in enumerate(errors, 1)]
        )
    with read(place) as reader:
        assert reader.commonest_errors() == [("segment 12 is gone", 3, "b"), ('"A, 1" is taken', 2, "c")]


def test_a_checkpoint_that_is_not_there_is_told(place):
    with pytest.raises(CheckpointError, match="there is no checkpoint here"):
        read(place)
    assert not exists(place)


def as_nobody(path: Path) -> subprocess.CompletedProcess[str]:
    """Read it in a process that may write neither file nor folder, whoever runs the tests."""
    code = (
        "import os, sys; from pathlib import Path; from bulkseg.checkpoint import read\n"
        "os.getuid() or os.setuid(65534)\n"
        "with read(Path(sys.argv[1])) as reader: print([row.segment_id for row in reader.specs()])"
    )
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)


@pytest.fixture
def readable() -> Path:
    """A folder that a stranger can get to."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("left", ["finished", "in WAL mode, written back", "killed"])
async def test_what_can_only_be_read_is_read(readable, left):
    path = readable / "x.checkpoint"
    checkpoint = opened(path)
    take_in(checkpoint, source("a"))
    await checkpoint.record([created(1, "17")])
    if left == "killed":
        for side in ("", "-wal", "-shm"):
            shutil.copy(f"{path}{side}", f"{readable / 'left'}{side}")
    elif left == "in WAL mode, written back":
        checkpoint._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(path, readable / "left")
    checkpoint.close()
    if left == "finished":
        shutil.copy(path, readable / "left")
    for file in readable.iterdir():
        file.chmod(0o444)
    readable.chmod(0o555)
    told = as_nobody(readable / "left")
    assert told.stdout == "['17']\n", told.stderr
    assert os.access(readable / "left", os.R_OK)


async def test_what_was_left_half_written_back_is_read_and_opened_with_its_wal(path, tmp_path):
    # A process that dies while it writes its WAL back can leave the new header before a file of the old size.
    left = tmp_path / "left.checkpoint"
    checkpoint = opened(path)
    take_in(checkpoint, source("ab"))
    await checkpoint.record([created(1, "17"), Record(2, State.FAILED, 1, NOW, error="x" * 400_000)])
    shutil.copy(path, left)
    shutil.copy(f"{path}-wal", f"{left}-wal")
    checkpoint.close()
    with left.open("r+b") as file:
        file.write(path.read_bytes()[:4096])
    for _ in range(2):
        with read(left) as reader:
            assert [row.segment_id for row in reader.specs()] == ["17", None]
        with opened(left) as checkpoint:
            assert checkpoint.counts()[State.CREATED] == 1
