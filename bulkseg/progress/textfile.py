"""A file of metrics for node_exporter's textfile collector, kept while a run goes on and at its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkseg.errors import ConfigError
from bulkseg.model import Spec, State
from bulkseg.observe import EventName, Observer, Tally
from bulkseg.progress.exposition import Foreign, Metrics, read, text
from bulkseg.progress.lines import EVERY
from bulkseg.progress.numbers import Meter
from bulkseg.progress.ticker import Ticker

ENDING = ".prom"
# As the variables of a site that has no name of its own.
NO_SITE = "default"
# Whoever reads it is another user, and there is nothing in it to hide.
_MODE = 0o644
_KINDS = ("sent", "searches", "throttled", "retried")
_ENDS = (State.CREATED, State.FAILED, State.UNKNOWN, State.SKIPPED, State.ADOPTED)


class Textfile:
    """An observer that keeps the file. What it cannot write is told to `beside`, once, and ends nothing.

    Args:
        path: the file. What it holds of earlier runs is carried on.
        job: what the job is called as long as no other name is known.
        beside: whoever else watches the run.

    Raises:
        ConfigError: the path cannot be meant.
    """

    def __init__(
        self,
        path: Path,
        job: str,
        beside: Observer,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        every: float = EVERY,
    ) -> None:
        _refuse_unfit(path)
        self._path = path.resolve()  # a link stays a link
        self._beside = beside
        self._now = now
        self._monotonic = monotonic
        self._ticker = Ticker(every, self._tick)
        self._meter: Meter | None = None
        self._tally: Tally | None = None
        self._trouble = False
        before = self._before() or Metrics(_label(job), NO_SITE)
        self._metrics = replace(_at_rest(before), started=now(), run_specs={})
        self._requests_before = before.requests

    def checking(self, job: str, site: str | None = None) -> None:
        """A run has been started, and whose metrics these are is known."""
        self._metrics = replace(self._metrics, job=_label(job), site=_label(site or NO_SITE))
        self._write(self._metrics)

    def started(self, job: str, run: int, tally: Tally) -> None:  # noqa: ARG002  # `checking` has said it
        """From here on it is written now and then."""
        self._tally = tally
        self._meter = Meter(tally, self._monotonic)
        self._tick()
        self._ticker.start()

    def failed(self, spec: Spec, state: str, error: str, request_id: str | None) -> None:
        """The tally counts it."""

    def notice(self, event: EventName, **fields: Any) -> None:
        """The tally counts what is counted."""

    def ended(self, summary: dict[str, Any]) -> None:  # noqa: ARG002  # `over` has it, and of every end
        """Nothing is written by itself any more."""
        self.close()

    def close(self) -> None:
        """Likewise."""
        self._ticker.stop()

    def over(self, document: Mapping[str, Any]) -> None:
        """The end, whatever it is: the last word, from the document that `run --json` prints."""
        ended, status = self._now(), document["exit"]
        metrics = replace(self._counted(), ended=ended, exit_status=status)
        if status == 0:
            metrics = replace(metrics, last_success=ended)
        if document["run"] is not None:
            metrics = replace(metrics, specs=document["states"])
        self._write(metrics)

    def _tick(self) -> None:
        if self._meter is None:
            return
        now = self._meter.read()
        allowed, in_flight = now.tally.allowed, now.tally.in_flight
        self._write(replace(self._counted(), allowed=allowed, reached=now.reached, in_flight=in_flight))

    def _counted(self) -> Metrics:
        """With what the tally has by now, where a run has begun."""
        if self._tally is None:
            return self._metrics
        tally = self._tally
        requests = {kind: self._requests_before.get(kind, 0) + getattr(tally, kind) for kind in _KINDS}
        specs = {str(state): getattr(tally, state) for state in _ENDS}
        return replace(
            self._metrics, requests=requests, run_specs={**specs, "open": max(0, tally.total - tally.done)}
        )

    def _before(self) -> Metrics | None:
        """What an earlier run has written. A file that is broken is begun anew; another's is refused."""
        try:
            return read(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except Foreign as error:
            what = f"holds {error}, which is none of ours: name another file"
            raise ConfigError(f"--metrics {self._path}: {what}") from error
        except (OSError, ValueError) as error:
            self._tell(f"{self._path} cannot be read, so its counters begin anew: {error}")
            return None

    def _write(self, metrics: Metrics) -> None:
        """Whole or not at all: node_exporter may read at any time."""
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(text(metrics))
            part.chmod(_MODE)
            part.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            self._tell(f"{self._path} cannot be written: {(error.strerror or str(error)).lower()}")

    def _tell(self, error: str) -> None:
        if not self._trouble:
            self._trouble = True
            self._beside.notice("metrics_failed", error=error)


def _refuse_unfit(path: Path) -> None:
    if path.suffix != ENDING:
        raise ConfigError(f"--metrics {path}: node_exporter reads only files that end in {ENDING}: name one")
    if not path.parent.is_dir():
        raise ConfigError(f"--metrics {path}: there is no folder {path.parent}: make it, or name another")


def _label(text: str) -> str:
    """As UTF-8 can have it: a file's name need not."""
    return text.encode(errors="backslashreplace").decode()


def _at_rest(metrics: Metrics) -> Metrics:
    """Without what is of a run that is going on: an earlier one may have been killed."""
    return replace(metrics, allowed=None, reached=None, in_flight=None)
