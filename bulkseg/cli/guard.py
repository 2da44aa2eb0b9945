"""From an exception to an exit status and words on stderr; with --json, to a document on stdout as well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from bulkseg.errors import BulksegError, InputError, innermost
from bulkseg.redact import secrets

# Nobody reads any more: what a shell says of a program that SIGPIPE has ended.
PIPE_CLOSED = 128 + signal.SIGPIPE


def error_document(error: BulksegError) -> dict[str, Any]:
    """What `--json` prints where there is no result: what is wrong, and the exit status."""
    if not isinstance(error, InputError):
        return {"error": str(error), "exit": error.exit_status}
    problems = [
        {"file": problem.file, "line": problem.line, "column": problem.column, "what": problem.what}
        for problem in error.problems
    ]
    return {"problems": problems, "total": error.total, "exit": error.exit_status}


@contextmanager
def guarded(
    *,
    as_json: bool = False,
    log_level: str = "info",
    document: Callable[[BulksegError], dict[str, Any]] = error_document,
) -> Iterator[None]:
    """Every command's work is done inside of this: no traceback comes out for anything a user did.

    `document` makes of an error what `--json` prints.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:
        raise typer.Exit(PIPE_CLOSED) from None
    except KeyboardInterrupt as interrupt:
        typer.echo(str(interrupt), err=True)
        raise typer.Exit(128 + getattr(interrupt, "signum", signal.SIGINT)) from None
    except Exception as raised:
        error = innermost(raised)
        if not isinstance(error, BulksegError):
            _report_bug(error, trace=log_level == "debug")
            raise typer.Exit(1) from raised
        if as_json:
            print_json(secrets.value(document(error)))
        _say(error)
        raise typer.Exit(error.exit_status) from raised


def _say(error: BulksegError) -> None:
    """In words; for somebody at a terminal with the lines of the source that are wrong."""
    if isinstance(error, InputError) and sys.stderr.isatty():
        from bulkseg.cli.caret import pointed

        words = "\n".join(pointed(error, shutil.get_terminal_size().columns))
    else:
        words = str(error)
    typer.echo(secrets.text(words), err=True)


def json_text(document: Any) -> bytes:
    """One document as JSON, in UTF-8 as that has to be, and a line's end."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # A lone surrogate (from a file's name, say) becomes the escape that JSON has for it.
    return text.encode(errors="backslashreplace") + b"\n"


def print_json(document: Any) -> None:
    """One document on stdout, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_text(document))
    sys.stdout.buffer.flush()


def leave_stdout() -> None:
    """Sends what is still to come nowhere: the interpreter flushes as it ends, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_bug(error: Exception, *, trace: bool) -> None:
    said = "".join(traceback.format_exception(error)) if trace else f"{type(error).__name__}: {error}\n"
    typer.echo(secrets.text(said), err=True, nl=False)
    hint = "" if trace else " Run it again with --log-level debug to see where it comes from."
    typer.echo(f"This is a bug in bulkseg, not in your job. What is on record is safe.{hint}", err=True)
