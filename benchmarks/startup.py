"""What a small job waits for: `--help`, `plan` and `run` with ten rows, and how many modules each loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks import children, source
from benchmarks.report import Budget, Report

ROWS = 10
HELP_CPU_SECONDS = 0.25
RUN_CPU_SECONDS = 1.5
NO_LIMIT = "1000000"  # requests a second
_COUNTED = "import sys; from bulkseg.cli import main; main(); print(len(sys.modules))"


def measure(turns: int) -> Report:
    """Medians of the turns: seconds from the start to the end, and of those on the CPU."""
    asked = (("--help", False), ("plan", False), ("run", True))
    rows = [_measure(command, turns, online=online) for command, online in asked]
    help_row, _, run_row = rows
    # By the CPU, for it waits for nothing else, and others on the machine are not its fault.
    shown, used = float(help_row["CPU s"]), float(run_row["CPU s"])
    return Report(
        f"start-up: jobs of {ROWS} rows",
        rows,
        [
            Budget(f"--help with {shown:.2f} s of CPU, under {HELP_CPU_SECONDS}", shown < HELP_CPU_SECONDS),
            Budget(f"run with {used:.2f} s of CPU, under {RUN_CPU_SECONDS}", used < RUN_CPU_SECONDS),
        ],
    )


def _measure(command: str, turns: int, *, online: bool) -> dict[str, float | str]:
    ended = [_turn(command, ("-m", "bulkseg"), online=online) for _ in range(turns)]
    counted = _turn(command, ("-c", _COUNTED), online=online)
    return {
        "command": command,
        "turns": turns,
        "seconds": median(turn.seconds for turn in ended),
        "CPU s": median(turn.cpu for turn in ended),
        "peak MiB": max(turn.peak for turn in ended),
        "modules": int(counted.output.split()[-1]),
    }


def _turn(command: str, start: Sequence[str], *, online: bool) -> children.Ended:
    with children.folder() as folder:
        arguments = [*start, *_arguments(command, folder)]
        if not online:
            return children.python(*arguments, limit=60)
        with children.server() as server:
            return children.python(*arguments, limit=60, environ=server.environ)


def _arguments(command: str, folder: Path) -> Sequence[str]:
    if command == "--help":
        return (command,)
    path = str(source.write(folder / "rows.csv", ROWS))
    return (command, path, "--yes", "--rate", NO_LIMIT) if command == "run" else (command, path)
