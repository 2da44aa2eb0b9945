"""What a report shows, gathered from a checkpoint in one pass over its specs."""

from __future__ import annotations

from collections.abc import Mapping

from bulkseg.model import State
from bulkseg.report.failing import BAD, Failing
from bulkseg.report.findings import Course, Findings, Record, Spec
from bulkseg.report.tallies import Latencies, Timeline

# What is well first, then what is not, then what is still to come.
_ORDER = (
    State.CREATED,
    State.ADOPTED,
    State.SKIPPED,
    State.UNDONE,
    State.FAILED,
    State.UNKNOWN,
    State.SENDING,
    State.PENDING,
)
_ANSWERED = (State.CREATED, State.FAILED)
# A checkpoint of every night has many; the page shows the latest.
_RUNS = 30


def gather(record: Record) -> Findings:
    """Read the whole checkpoint once. Raises CheckpointError where it is damaged."""
    runs = record.runs()
    failing, latest = Failing(), _Latest({run.number: run.started_at for run in runs})
    counts, warnings = record.counts(), 0
    for spec in record.specs():
        warnings += spec.warning is not None
        latest.add(spec)
        if spec.state in BAD:
            failing.add(spec)
    return Findings(
        meta=record.meta,
        states={state: counts[state] for state in _ORDER},
        gone=record.gone(),
        warnings=warnings,
        runs=tuple(runs[-_RUNS:]),
        course=latest.course(),
        groups=failing.groups(),
        failures=failing.failures(),
    )


class _Latest:
    """The latest run of those that specs name; what is seen of an earlier one is put away again."""

    def __init__(self, starts: Mapping[int, float]) -> None:
        self._starts = starts
        self._begin(0)

    def _begin(self, run: int) -> None:
        self._run = run
        self._timeline, self._latencies = Timeline(), Latencies()
        self._found = 0

    def add(self, spec: Spec) -> None:
        # `undo` has moved the end of what it deleted.
        if spec.run is None or spec.done_at is None or spec.state is State.UNDONE or spec.run < self._run:
            return
        if spec.run > self._run:
            self._begin(spec.run)
        since = spec.done_at - self._starts.get(spec.run, spec.done_at)
        self._timeline.add(max(since, 0.0), bad=spec.state in BAD)
        self._found += spec.reconciled
        if (took := _took(spec)) is not None:
            self._latencies.add(took)

    def course(self) -> Course | None:
        if not self._run:
            return None
        return Course(self._run, self._timeline.moments(), self._latencies.latency(), self._found)


def _took(spec: Spec) -> float | None:
    """Seconds from the last intent on disk to the answer; None where no answer came, or none to a request."""
    direct = spec.state in _ANSWERED and spec.http_status is not None and not spec.reconciled
    if not direct or spec.sent_at is None or spec.done_at is None or spec.done_at < spec.sent_at:
        return None
    return spec.done_at - spec.sent_at
