"""A command of the user's own that is called when a run has ended, with the summary on its stdin."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bulkseg.errors import ConfigError

# Seconds that the command may take, and that it has to end by itself once it was asked to.
PATIENCE, GRACE = 60.0, 5.0
# What starts so leads to Eloqua; the command is somebody else's, and needs none of it.
_WITHHELD = "ELOQUA_"
_STDERR = 2


def parse(command: str) -> tuple[str, ...]:
    """The words of a command line, the program by its whole path. Split as by a shell, but none is asked.

    Raises:
        ConfigError: it cannot be split, or there is no such program. The message leaves out all but the
            program, for an argument may be a secret.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--on-done: the command cannot be read: {str(error).lower()}") from error
    if not words:
        raise ConfigError("--on-done: names no command")
    program = shutil.which(words[0])
    if program is None:
        raise ConfigError(
            f"--on-done: there is no program {words[0]} that can be run; name one on the PATH, or its path "
            "(for a pipe or a variable, write sh -c '...')"
        )
    return (str(Path(program).absolute()), *words[1:])


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the command has of our environment: all but what leads to Eloqua."""
    return {name: value for name, value in environ.items() if not name.startswith(_WITHHELD)}


def call(
    words: Sequence[str], document: bytes, environ: Mapping[str, str] = os.environ, patience: float = PATIENCE
) -> str | None:
    """Calls the command and waits for it, at most `patience` seconds; gives why it failed, or None.

    What it prints goes to stderr, so that stdout stays ours. It has a session of its own: a Ctrl-C at our
    terminal does not reach it, and whatever it has started is ended with it.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own command, and no shell
            words,
            stdin=subprocess.PIPE,
            stdout=_STDERR,
            env=environment(environ),
            start_new_session=True,
        )
    except OSError as error:
        return f"cannot be started: {(error.strerror or str(error)).lower()}"
    with process:
        try:
            process.communicate(document, timeout=patience)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"took longer than {patience:g} s and was ended"
        except BaseException:
            _signal(process, signal.SIGKILL)
            raise
    return _why(process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the whole group to end, and ends what is left of it after the grace."""
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], signum: signal.Signals) -> None:
    # Its group is called as the command is, whether or not that one lives still. macOS answers for a group of
    # dead ones that we may not.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signum)


def _why(status: int) -> str | None:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}" if status else None
