"""A source beside its checkpoint: its failed rows, to be mended, or every row with what became of it.

The keys decide which row is whose, not the lines: a source that was sorted since gives the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from bulkseg.checkpoint import Fate, Reader, read
from bulkseg.clock import Clock
from bulkseg.expand import Expander, compile_job
from bulkseg.job import Job
from bulkseg.location import Location
from bulkseg.model import Row, Spec, State
from bulkseg.problems import Problems
from bulkseg.results import harmless
from bulkseg.rows import Source, open_source

ERROR = "bulkseg_error"

Made = list[tuple[Spec, Fate]]


@dataclass(slots=True)
class Beside:
    """The source and the checkpoint, both open. `specs` counts those whose rows were given so far."""

    source: Source
    expander: Expander
    reader: Reader
    specs: int = field(default=0, init=False)

    def failed_columns(self) -> tuple[str, ...]:
        """The source's own, and the last one for the error."""
        return (*(name for name in self.source.columns if name != ERROR), ERROR)

    def failed(self, states: Collection[State]) -> Iterator[list[str]]:
        """Each row of which a spec is in one of `states`, once, and why.

        Raises:
            InputError: the source has rows that are wrong by now, all of them told at its end.
        """
        own = self.failed_columns()[:-1]
        for row, made in self._rows():
            fates = [fate for _, fate in made if fate.state in states]
            if fates:
                self.specs += len(fates)
                why = "; ".join(dict.fromkeys(fate.error or str(fate.state) for fate in fates))
                place = f"{row.file}:{row.line}: " if len(self.source.files) > 1 else ""
                yield [*(row.cells[name] for name in own), harmless(place + why)]

    def joined_columns(self) -> tuple[str, ...]:
        """The source's own and those that are added, which are called otherwise where a name is taken."""
        several = ("template", "segment_name") if self._several else ()
        own = self.source.columns
        added = (*several, "segment_id", "state")
        return (*own, *(f"bulkseg_{name}" if name in own else name for name in added))

    def joined(self, states: Collection[State]) -> Iterator[list[str]]:
        """Every row (with `states`: those that have such a spec), one line for each of its specs.

        Raises as `failed`.
        """
        for row, made in self._rows():
            own = [row.cells[name] for name in self.source.columns]
            told = [(spec, fate) for spec, fate in made if not states or fate.state in states]
            self.specs += len(told)
            yield from ([*own, *self._added(spec, fate)] for spec, fate in told)
            if not made and not states:
                yield [*own, *([""] * (4 if self._several else 2))]

    def missed(self, states: Collection[State]) -> int:
        """How many specs in `states`, all or some, are on record and have met no row; once all are read."""
        counts = self.reader.counts()
        return max(0, sum(counts[state] for state in states or counts) - self.specs)

    @property
    def _several(self) -> bool:
        return len(self.expander.blocks) > 1

    def _added(self, spec: Spec, fate: Fate) -> tuple[str, ...]:
        which = (spec.template, spec.name) if self._several else ()
        return (*which, fate.segment_id or "", str(fate.state))

    def _rows(self) -> Iterator[tuple[Row, Made]]:
        """Every row with its specs; one that is on record nowhere yet is pending."""
        problems = Problems()
        for batch in self.source.batches(problem=problems.add):
            expanded = [(row, self.expander.expand(row, problems.add)) for row in batch]
            fates = self.reader.fates([spec.key for _, specs in expanded for spec in specs])
            yield from ((row, _with(specs, fates)) for row, specs in expanded)
        problems.refuse()


def _with(specs: Sequence[Spec], fates: Mapping[str, Fate]) -> Made:
    return [(spec, fates.get(spec.key, Fate(State.PENDING))) for spec in specs]


@contextmanager
def beside(job: Job, checkpoint: Location, clock: Clock = Clock()) -> Iterator[Beside]:  # noqa: B008  # frozen
    """Opens a job's source and its checkpoint, for as long as the context lasts.

    Raises:
        InputError: the source cannot be read, or its columns are not those that the job needs.
        CheckpointError: the checkpoint cannot be read.
    """
    with ExitStack() as held:
        reader = held.enter_context(read(checkpoint))
        source = held.enter_context(closing(open_source(job.sources, job.base)))
        today = reader.meta.today or datetime.fromtimestamp(clock.now()).astimezone().date()
        yield Beside(source, compile_job(job, source.columns, today, source.display), reader)
