"""Looks at a job without sending anything: pass 1 over its source, compared with its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from bulkseg.checkpoint import Changed, Comparison, Draft, Shown, exists, read, refuse_other_job
from bulkseg.clock import Clock
from bulkseg.errors import ConfigError
from bulkseg.exists import Policy
from bulkseg.expand import Expander, compile_job
from bulkseg.job import Job, Limits
from bulkseg.location import Location, named
from bulkseg.model import Spec
from bulkseg.rows import Source, open_source
from bulkseg.survey import Each, Survey, survey
from bulkseg.version import version


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a call says beyond its job; None stands for what the job says."""

    checkpoint: Location | None = None
    retry_failed: bool = False
    redo: bool = False
    fresh: bool = False
    limit: int | None = None
    rate: float | None = None
    concurrency: int | None = None
    if_exists: Policy | None = None
    canary: bool = True
    accept_warnings: bool = False
    make_folders: bool = False

    def place(self, job: Job) -> Location:
        """Where the checkpoint lies.

        Raises:
            ConfigError: the job lies elsewhere, where nothing is written, and none was named.
        """
        if self.checkpoint is None and job.elsewhere and isinstance(job.checkpoint, Path):
            raise ConfigError(
                f"{job.name} lies where nothing is written: name a place for its checkpoint, a file of this "
                "machine or postgresql://… (--checkpoint; in the job only the latter)"
            )
        return named(self.checkpoint or job.checkpoint, job.name)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `first` are the first specs; `seconds` the time that the rate alone takes.

    `to_send`, `done` and `not_retried` (refused in an earlier run) count specs of the source, `gone` keys
    that are not in it any more; `changed` were made already and are asked for otherwise now. What is called
    `first_` are the first few of each; a run that knows its source already shows none.
    """

    job: str
    checkpoint: Location
    rows: int
    specs: int
    by_template: Mapping[str, int]
    by_action: Mapping[str, int]
    first: tuple[Spec, ...]
    to_send: int
    done: int
    not_retried: int
    changed: tuple[Changed, ...]
    changed_total: int
    gone: int
    rate: float
    seconds: float
    states: Mapping[str, int]
    warnings: tuple[str, ...]
    first_to_send: tuple[Shown, ...] = ()
    first_refused: tuple[Shown, ...] = ()
    first_gone: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Pass 1, done: the open source and draft, and what they came to; `today` is the templates' day.

    There is no draft where the checkpoint has this very source and job already.
    """

    source: Source
    expander: Expander
    draft: Draft | None
    plan: Plan
    today: date
    job_fingerprint: str


@contextmanager
def surveyed(
    job: Job,
    options: RunOptions,
    clock: Clock,
    *,
    look: Callable[[], None],
    anew: bool,
    each: Each | None = None,
) -> Iterator[Surveyed]:
    """Pass 1 of a job, for as long as the context lasts.

    `look` is called now and then and may raise, to give up; `each` is given every spec that is read. Unless
    `anew` is asked for, a source that has not
    changed since it was taken into the checkpoint is not read again.

    Raises:
        InputError: with everything that is wrong in the job and its source.
        CheckpointError: the checkpoint that is there cannot be this job's.
    """
    place = options.place(job)
    old = place if not options.fresh and exists(place) else None
    with ExitStack() as held:
        source = held.enter_context(closing(open_source(job.sources, job.base)))
        today = _today(job, old, clock)
        expander = compile_job(job, source.columns, today, source.display)
        # Another version may expand the same job into other bytes.
        fingerprint = f"{job.fingerprint} {version()}"
        plan_of = partial(_plan, job, place, limits_of(job, options))
        known = None if anew or old is None else _known(old, options, source.fingerprint, fingerprint)
        if known is not None:
            yield Surveyed(source, expander, None, plan_of(*known), today, fingerprint)
            return
        draft = held.enter_context(Draft.open())
        found = survey(source, expander, draft, look=look, each=each)
        compared = draft.compare(old, retry_failed=options.retry_failed, redo=options.redo)
        yield Surveyed(source, expander, draft, plan_of(found, compared), today, fingerprint)


def _known(
    checkpoint: Location, options: RunOptions, source_fingerprint: str, job_fingerprint: str
) -> tuple[Survey, Comparison] | None:
    """What pass 1 would come to, from the checkpoint; None where source or job are not those on record."""
    with read(checkpoint) as reader:
        if not reader.unchanged(source_fingerprint, job_fingerprint):
            return None
        known = reader.surveyed(retry_failed=options.retry_failed, redo=options.redo)
        meta, gone = reader.meta, reader.gone()
    found = Survey(meta.rows, meta.specs, known.by_template, known.by_action, ())
    return found, Comparison(states=known.states, changed_total=known.changed, gone=gone)


def _today(job: Job, checkpoint: Location | None, clock: Clock) -> date:
    """The day that templates see: that of the checkpoint's first run, so that a re-run makes the same.

    Raises:
        CheckpointError: it is another job's.
    """
    if checkpoint is not None:
        with read(checkpoint) as reader:
            meta = reader.meta
        refuse_other_job(meta.job, job.name, checkpoint)
        if meta.today is not None:
            return meta.today
    return datetime.fromtimestamp(clock.now()).astimezone().date()


def _plan(job: Job, place: Location, limits: Limits, found: Survey, compared: Comparison) -> Plan:
    return Plan(
        job=job.name,
        checkpoint=place,
        rows=found.rows,
        specs=found.specs,
        by_template=found.by_template,
        by_action=found.by_action,
        first=found.first,
        to_send=compared.to_send,
        done=compared.done,
        not_retried=compared.refused,
        changed=compared.changed,
        changed_total=compared.changed_total,
        gone=compared.gone,
        rate=limits.rate,
        seconds=compared.to_send / limits.rate,
        states={str(state): count for state, count in compared.states.items()},
        warnings=tuple(_warnings(compared)),
        first_to_send=compared.first_to_send,
        first_refused=compared.first_refused,
        first_gone=compared.first_gone,
    )


def _warnings(compared: Comparison) -> Iterator[str]:
    for one in compared.reserved:
        yield f'{one.file}:{one.line}: "{one.name}" is {one.state} already, under the key {one.holder}'
    if compared.in_doubt:
        yield f"{compared.in_doubt} specs are in doubt from an earlier run: they may have been made"


def limits_of(job: Job, options: RunOptions) -> Limits:
    """The job's limits, with what the call says in their place.

    Raises:
        ConfigError: a value that cannot be.
    """
    named = {"rate": options.rate, "concurrency": options.concurrency}
    said = {name: value for name, value in named.items() if value is not None}
    try:
        Limits.model_validate(said)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ConfigError(f"--{wrong['loc'][0]}: {wrong['msg']}") from error
    return job.limits.model_copy(update=said)
