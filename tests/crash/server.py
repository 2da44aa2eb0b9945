"""A sandbox in a process of its own, with every setting that there is; it can die and come back.

`python -m tests.crash.server SETTINGS` (as JSON) prints its URL, and ends with whoever started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from bulkseg.sandbox import Sandbox, Settings, run

ROOT = Path(__file__).parents[2]
SETTINGS = TypeAdapter(Settings)


class Server:
    """A sandbox whose file (`settings.db`) outlives it; `url` stays the same when it comes back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.db.with_suffix(".log")
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it; returns when it listens."""
        command = [sys.executable, "-m", "tests.crash.server", SETTINGS.dump_json(self._settings).decode()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the sandbox did not start; {self._log} says why")
        self._settings = replace(self._settings, port=int(self.url.rpartition(":")[2]))

    def kill(self) -> None:
        """Ends it at once, with SIGKILL; its file stays."""
        with self._process:
            self._process.kill()


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(sandbox: Sandbox) -> None:
    sys.stdout.write(f"{sandbox.url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(SETTINGS.validate_json(sys.argv[1]), _announce)
