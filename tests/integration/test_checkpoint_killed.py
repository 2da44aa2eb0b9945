"""A process that is killed in the middle of its writing has lost nothing that it was told is on disk."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bulkseg.checkpoint import read
from bulkseg.model import State
from tests.checkpoints import opened

# Takes in specs, then sends them as fast as it can, eight at a time; prints each number once its record is
# on disk. Whatever stands in doubt when it starts is settled first.
WORKER = """
import asyncio, sys
from pathlib import Path
from bulkseg.model import Intent, Record, State
from tests.checkpoints import NOW, created, opened, source, take_in

async def send(checkpoint, numbers):
    for number in numbers:
        print("asked", number, flush=True)
        await checkpoint.intend([Intent(number, 1, NOW)])
        print("sent", number, flush=True)
        await checkpoint.record([created(number, f"id-{number}")])
        print("done", number, flush=True)

async def main():
    checkpoint = opened(Path(sys.argv[1]))
    if not checkpoint.unchanged("s", "j"):
        take_in(checkpoint, source(f"{number:05}" for number in range(20000)))
    doubts = checkpoint.facts.in_doubt()
    await checkpoint.record([Record(doubt.task.id, State.UNKNOWN, 1, NOW) for doubt in doubts])
    numbers = iter([each.id for each in checkpoint.open_specs(0, 20000)])
    await asyncio.gather(*(send(checkpoint, numbers) for _ in range(8)))

asyncio.run(main())
"""


def run_and_kill(path: Path, after: int) -> dict[str, set[int]]:
    """Start it, kill it (SIGKILL) once `after` records are acknowledged, and give what it had said."""
    said: dict[str, set[int]] = {"asked": set(), "sent": set(), "done": set()}
    with subprocess.Popen([sys.executable, "-c", WORKER, path], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if not line.endswith("\n"):  # the kill cut off what it was saying
                continue
            word, number = line.split()
            said[word].add(int(number))
            if len(said["done"]) >= after:
                process.kill()
    assert process.returncode == -signal.SIGKILL
    return said


@pytest.mark.parametrize("after", [1, 40, 700])
def test_after_a_kill_all_that_was_acknowledged_is_there_and_what_is_in_doubt_is_known(tmp_path, after):
    path = tmp_path / "x.checkpoint"
    done: set[int] = set()
    unknown: set[int] = set()
    for _ in range(2):
        said = run_and_kill(path, after)
        done |= said["done"]
        with opened(path) as checkpoint:
            doubts = {doubt.task.id for doubt in checkpoint.facts.in_doubt() if not doubt.given_up}
            counts = checkpoint.counts()
        with read(path) as reader:
            made = {row.segment_id for row in reader.specs([State.CREATED])}
        assert made >= {f"id-{number}" for number in done}
        # What may have been sent is made or in doubt; what is in doubt was at least asked for.
        assert said["sent"] <= doubts | {int(name[3:]) for name in made}
        assert doubts <= said["asked"]
        assert len(doubts) <= 8
        assert counts[State.UNKNOWN] == len(unknown)
        assert sum(counts.values()) == 20_000
        unknown |= doubts


def test_a_kill_in_the_middle_of_a_merge_leaves_what_was_before(tmp_path):
    path = tmp_path / "x.checkpoint"
    code = (
        "import sys; from pathlib import Path; from tests.checkpoints import *\n"
        "checkpoint = opened(Path(sys.argv[1])); take_in(checkpoint, source('ab')); print('a', flush=True)\n"
        "take_in(checkpoint, source(f'{n}' for n in range(200000))); print('b', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "a\n"
        wal = path.with_name(path.name + "-wal")
        while wal.stat().st_size < 1_000_000:  # the merge has begun to write
            time.sleep(0.01)
        process.kill()
    with opened(path) as checkpoint:
        assert [each.key for each in checkpoint.open_specs(0, 10)] == ["a", "b"]
        assert sum(checkpoint.counts().values()) == 2


def test_a_file_that_may_not_grow_stops_the_run_and_goes_on_when_there_is_room(tmp_path):
    code = """
import asyncio, resource, sys
from pathlib import Path
from bulkseg.errors import StorageFull
from tests.checkpoints import created, opened, source, take_in

async def main():
    checkpoint = opened(Path(sys.argv[1]))
    take_in(checkpoint, source(f"{number:05}" for number in range(2000)))
    wal = Path(sys.argv[1] + "-wal")
    await checkpoint.record([created(1, "id-1")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 100_000, resource.RLIM_INFINITY))
    done, number = 1, 2
    try:
        for number in range(2, 2001):
            await checkpoint.record([created(number, f"id-{number}", warning="w" * 2000)])
            done = number
    except StorageFull as error:
        print(done, error.exit_status)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    await checkpoint.record([created(number, f"id-{number}")])
    checkpoint.close()

asyncio.run(main())
"""
    path = tmp_path / "x.checkpoint"
    told = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    done, exit_status = map(int, told.stdout.split())
    assert (1 < done < 1000, exit_status) == (True, 3)
    with read(path) as reader:
        made = [row.segment_id for row in reader.specs([State.CREATED])]
    assert made == [f"id-{number}" for number in range(1, done + 2)]
