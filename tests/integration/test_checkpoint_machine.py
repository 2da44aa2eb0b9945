"""Plan, merge, intend, record, crash, reopen, in any order: the checkpoint does what a simple model does."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bulkseg.checkpoint import Checkpoint, read
from bulkseg.errors import CheckpointError
from bulkseg.location import Location, located
from bulkseg.model import Intent, Record, State
from tests.checkpoints import NOW, drafted, opened, spec, take_in
from tests.cluster import Cluster

KEYS = st.sampled_from("abcdef")
# A source: some keys in some order, each with its content in one of two versions.
SOURCES = st.lists(st.tuples(KEYS, st.integers(1, 2)), unique_by=lambda pair: pair[0], min_size=1)
MADE = {State.CREATED, State.ADOPTED}
ENDS = st.sampled_from(
    [State.PENDING, State.FAILED, State.UNKNOWN, State.SKIPPED, State.CREATED, State.ADOPTED]
)


@dataclass
class Known:
    """What the model knows of a key."""

    version: int
    place: int | None
    state: State = State.PENDING
    attempts: int = 0
    temporary: bool = False
    segment_id: str | None = None

    def opens(self, *, version: int, retry_failed: bool, redo: bool) -> bool:
        if self.state is State.FAILED:
            return self.temporary or retry_failed or version != self.version
        return self.state is State.SKIPPED or (self.state is State.UNDONE and redo)

    def open(self) -> None:
        self.state, self.attempts, self.temporary, self.segment_id = State.PENDING, 0, False, None


class CheckpointMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.next_id = 1
        self.model: dict[str, Known] = {}
        self.checkpoint: Checkpoint = opened(self.place)

    def teardown(self) -> None:
        if hasattr(self, "checkpoint"):
            self.checkpoint.close()
            self.loop.close()
            shutil.rmtree(self.folder)

    @property
    def place(self) -> Location:
        return self.folder / f"{self.generation}.checkpoint"

    def break_off(self) -> None:
        """Go on with the files as they lie: what a killed process leaves."""
        old = self.place
        self.generation += 1
        for side in ("", "-wal"):
            shutil.copy(f"{old}{side}", f"{self.place}{side}")
        self.checkpoint.close()
        self.checkpoint = opened(self.place)

    def numbers(self) -> dict[str, int]:
        rows = self.checkpoint._queries.execute("SELECT key, id FROM spec").fetchall()
        return dict(rows)

    def write(self, work: Intent | Record) -> bool:
        """Whether the checkpoint took it."""
        method = self.checkpoint.intend if isinstance(work, Intent) else self.checkpoint.record
        try:
            self.loop.run_until_complete(method([work]))
        except CheckpointError:
            return False
        return True

    @rule(source=SOURCES, retry_failed=st.booleans(), redo=st.booleans())
    def merge(self, *, source: list[tuple[str, int]], retry_failed: bool, redo: bool) -> None:
        specs = [
            spec(key, name=f"{key}{version}", line=place) for place, (key, version) in enumerate(source, 1)
        ]
        with drafted(specs) as draft:
            plan = draft.compare(self.place, retry_failed=retry_failed, redo=redo)
        take_in(self.checkpoint, specs, retry_failed=retry_failed, redo=redo)
        for known in self.model.values():
            known.place = None
        for place, (key, version) in enumerate(source, 1):
            known = self.model.setdefault(key, Known(version, place))
            known.place = place
            if known.opens(version=version, retry_failed=retry_failed, redo=redo):
                known.open()
            if known.state is State.PENDING:
                known.version = version
        assert plan.states == Counter(known.state for known in self.present())
        assert plan.gone == len(self.model) - len(source)
        assert plan.changed_total == sum(
            self.model[key].state in MADE and self.model[key].version != version for key, version in source
        )

    @rule(retry_failed=st.booleans(), redo=st.booleans())
    def reopen_failed(self, *, retry_failed: bool, redo: bool) -> None:
        self.checkpoint.reopen_failed(retry_failed=retry_failed, redo=redo)
        for known in self.present():
            if known.opens(version=known.version, retry_failed=retry_failed, redo=redo):
                known.open()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def intend(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model)))
        known = self.model[key]
        taken = self.write(Intent(self.numbers()[key], known.attempts + 1, NOW))
        assert taken == (known.state in {State.PENDING, State.SENDING})
        if taken:
            known.state, known.attempts = State.SENDING, known.attempts + 1

    @precondition(lambda self: self.model)
    @rule(data=st.data(), state=ENDS, temporary=st.booleans(), own_id=st.booleans())
    def record(self, *, data: st.DataObject, state: State, temporary: bool, own_id: bool) -> None:
        """What the server says, also late and when nobody asked; at times an id that another spec has."""
        key = data.draw(st.sampled_from(sorted(self.model)))
        known = self.model[key]
        segment_id = self.an_id(own=own_id) if state in MADE else None
        temporary = temporary and state is State.FAILED
        taken = self.write(
            Record(
                self.numbers()[key], state, known.attempts, NOW, segment_id=segment_id, temporary=temporary
            )
        )
        held = any(
            other.segment_id == segment_id and other.state not in {State.UNDONE, State.SKIPPED, State.FAILED}
            for name, other in self.model.items()
            if segment_id and name != key
        )
        if held:
            state, segment_id = State.UNKNOWN, None
        assert taken == (known.state not in MADE | {State.UNDONE} or state in MADE)
        if taken:
            if known.state is State.UNDONE:
                known.segment_id = segment_id or known.segment_id
            known.state, known.temporary = state, temporary
            known.segment_id = known.segment_id or segment_id

    def an_id(self, *, own: bool) -> str:
        ids = [known.segment_id for known in self.model.values() if known.segment_id]
        if ids and not own:
            return ids[0]
        self.next_id += 1
        return str(self.next_id)

    @precondition(lambda self: any(known.state in MADE for known in self.model.values()))
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        made = sorted(key for key, known in self.model.items() if known.state in MADE)
        key = data.draw(st.sampled_from(made))
        assert self.write(Record(self.numbers()[key], State.UNDONE, self.model[key].attempts, NOW))
        self.model[key].state = State.UNDONE

    @rule()
    def close_and_open(self) -> None:
        self.checkpoint.close()
        self.checkpoint = opened(self.place)

    @rule()
    def crash(self) -> None:
        self.break_off()

    def present(self) -> list[Known]:
        return [known for known in self.model.values() if known.place is not None]

    @invariant()
    def all_that_is_on_record_is_what_the_model_knows(self) -> None:
        if not hasattr(self, "checkpoint"):
            return
        with read(self.place) as reader:
            rows = {row.key: row for row in reader.specs()}
            assert reader.gone() == len(self.model) - len(self.present())
        assert {key: (row.name, row.state, row.attempts, row.segment_id) for key, row in rows.items()} == {
            key: (f"{key}{known.version}", known.state, known.attempts, known.segment_id)
            for key, known in self.model.items()
        }

    @invariant()
    def what_is_open_comes_in_the_order_of_the_source(self) -> None:
        if not hasattr(self, "checkpoint"):
            return
        waiting = {
            key: known for key, known in self.model.items() if known.state is State.PENDING and known.place
        }
        assert [each.key for each in self.checkpoint.open_specs(0, 10)] == sorted(
            waiting, key=lambda key: waiting[key].place or 0
        )
        assert self.checkpoint.count_open() == len(waiting)
        sending = {key for key, known in self.model.items() if known.state is State.SENDING}
        assert {
            doubt.task.spec.key for doubt in self.checkpoint.facts.in_doubt() if not doubt.given_up
        } == sending


TestCheckpointMachine = CheckpointMachine.TestCase
TestCheckpointMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class DatabaseMachine(CheckpointMachine):
    """The same in PostgreSQL, where a crash leaves a lease that runs out."""

    url = ""

    @property
    def place(self) -> Location:
        return located(f"{self.url}#{self.folder.name}")

    def break_off(self) -> None:
        old = self.checkpoint
        old._lease.end()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "UPDATE bulkseg.checkpoint SET expires_at = now() - interval '1 s' WHERE name = %s",
                (self.folder.name,),
            )
        self.checkpoint = opened(self.place)
        old.close()


@pytest.fixture
def in_the_cluster(cluster: Cluster) -> None:
    DatabaseMachine.url = cluster.url


@pytest.mark.needs("pg_ctl")
@pytest.mark.usefixtures("in_the_cluster")
class TestDatabaseMachine(DatabaseMachine.TestCase):
    settings = settings(
        max_examples=6,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
