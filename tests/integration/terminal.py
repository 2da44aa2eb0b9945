"""Starts the real command at a terminal of its own, reads what it says there and types the answers."""

import os
import pty
import re
import select
import subprocess
import time

from tests.integration.commands import COMMAND, environment


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, *arguments, cwd, site):
        self.said = ""
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=cwd,
            env={**environment(site), "TERM": "xterm", "COLUMNS": "80"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, text, patience=30.0):
        end = time.monotonic() + patience
        while text not in self.said:
            assert time.monotonic() < end, f"no {text!r} in {self.said!r}"
            if not self._read():
                break

    def type(self, text):
        os.write(self._ours, text.encode())

    def end(self):
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(30)

    def _read(self):
        if not select.select([self._ours], [], [], 30.0)[0]:
            raise TimeoutError(self.said)
        try:
            got = os.read(self._ours, 65536)
        except OSError:  # Linux's way to say that nobody holds the other end
            return False
        self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", got.decode(errors="replace"))
        return bool(got)
