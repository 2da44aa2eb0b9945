"""The end of a run, whatever it is: whoever has to know of it is told, once all else is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from signal import Signals as Signal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

from bulkseg.cli.guard import json_text
from bulkseg.errors import BulksegError, ConfigError, innermost
from bulkseg.redact import secrets

if TYPE_CHECKING:
    from bulkseg.cli.watchers import Watcher
    from bulkseg.progress.textfile import Textfile

Tell = Callable[[dict[str, Any]], None]


class Ending:
    """Entered around the guard, out of which every end comes as a typer.Exit with its status.

    `document` is what the run came to, once that is known; until then `not_begun` makes one of an error.
    """

    def __init__(self, not_begun: Callable[[BulksegError], dict[str, Any]]) -> None:
        self.document: dict[str, Any] | None = None
        self._not_begun = not_begun
        self._told: list[Tell] = []

    def then(self, tell: Tell) -> None:
        """Has `tell` called at the end, with `document` or else what is known, before those named so far."""
        self._told.append(tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, end: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(end, typer.Exit):
            document = secrets.value(self.document or self._known(end))
            for tell in reversed(self._told):
                tell(document)

    def _known(self, end: typer.Exit) -> dict[str, Any]:
        cause = end.__cause__ or end.__context__
        error = innermost(cause) if isinstance(cause, Exception) else cause
        if not isinstance(error, BulksegError):
            error = BulksegError(_words(error))
        return {**self._not_begun(error), "exit": end.exit_code}


def _words(raised: BaseException | None) -> str:
    """For what is no error of ours: a bug, a signal, or nothing, where somebody has said no."""
    match raised:
        case None:
            return "not confirmed; nothing was sent"
        case Exception():
            return f"a bug in bulkseg: {type(raised).__name__}: {raised}"
        case _:
            return str(raised) or "interrupted; nothing was sent"


def attended(
    ending: Ending, watcher: Watcher, job: Path, *, on_done: str | None, metrics: Path | None
) -> Watcher:
    """The watcher, with whoever else is to know how the run of `job` goes and how it ends.

    Raises ConfigError for a command that cannot be called, and for metrics that cannot be kept. One that
    fails later is told of, and changes nothing of what the run came to.
    """
    if on_done is not None:
        ending.then(_handed_to(on_done, watcher))
    if metrics is None:
        return watcher
    from bulkseg.cli.watchers import Watchers

    kept = _kept_in(metrics, job, watcher)
    ending.then(kept.over)
    return Watchers(watcher, kept)


def _kept_in(path: Path, job: Path, watcher: Watcher) -> Textfile:
    try:
        from bulkseg.progress.textfile import Textfile
    except ImportError as error:
        raise ConfigError("--metrics needs more: pip install 'bulkseg[metrics]'") from error
    return Textfile(path, job.stem if job.suffix == ".toml" else job.name, watcher)


def _handed_to(command: str, watcher: Watcher) -> Tell:
    from bulkseg.afterwards import parse

    words = parse(command)

    def tell(document: dict[str, Any]) -> None:
        error = _call(words, json_text(document))
        if error is not None:
            watcher.notice("on_done_failed", program=words[0], error=error)

    return tell


def _call(words: tuple[str, ...], document: bytes) -> str | None:
    from bulkseg.afterwards import call
    from bulkseg.cli.signals import Interrupted, Signals, end_at_once

    # Any signal now means the command: the run has ended.
    with Signals(asking=lambda: True, drain=end_at_once, leave=end_at_once):
        try:
            return call(words, document)
        except Interrupted as interrupt:
            return f"was ended because {Signal(interrupt.signum).name} came"
