"""The loop that finds out about lost answers, in virtual time, against a server whose lists lag behind."""

import asyncio
from dataclasses import dataclass, field

import orjson
import pytest

from benchmarks import virtual
from bulkseg.clock import Clock
from bulkseg.errors import Stopped
from bulkseg.evidence import Evidence
from bulkseg.listing import ListingFailed
from bulkseg.model import Answer, InDoubt, NameTaken, Record, State, Task
from bulkseg.outcome import Hold, Retry
from bulkseg.reconcile import UNCHECKED, Lost
from bulkseg.reconciler import Reconciler, Rules
from tests.dispatching import spec

RULES = Rules(settle=10.0, timeout=5.0, give_up_after=60.0, max_attempts=3, if_exists="fail")


@pytest.fixture(autouse=True)
def no_threads(monkeypatch):
    """Virtual time does not wait for a thread."""

    async def inline(work, *arguments):
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", inline)


@dataclass
class Server:
    """Segments that were made at a time, and are shown in lists and searches `lag` seconds later."""

    lag: float = 0.0
    segments: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[float, str]] = field(default_factory=list)
    failing: bool = False

    def make(self, number, name, by="12"):
        now = asyncio.get_running_loop().time()
        self.segments.append({"id": str(number), "name": name, "createdBy": by, "createdAt": str(int(now))})

    def shown(self):
        now = asyncio.get_running_loop().time()
        return [one for one in self.segments if float(one["createdAt"]) + self.lag <= now]

    async def list(self, *, page=1, order_by=None, last_updated_at=None):  # noqa: ARG002
        self.asked.append((asyncio.get_running_loop().time(), "list"))
        if self.failing:
            return Answer(400, b"[]")
        found = self.shown()
        return Answer(
            200, orjson.dumps({"elements": found, "page": page, "pageSize": 1000, "total": len(found)})
        )

    async def search(self, name):
        self.asked.append((asyncio.get_running_loop().time(), "search"))
        found = [one for one in self.shown() if one["name"] == name]
        return Answer(
            200, orjson.dumps({"elements": found, "page": 1, "pageSize": 1000, "total": len(found)})
        )

    async def get(self, segment_id):
        found = [one for one in self.segments if one["id"] == segment_id]
        return Answer(200, orjson.dumps(found[0])) if found else Answer(404, b"")


@dataclass
class Facts:
    """What the checkpoint knows, as a test has it."""

    stood_ids: frozenset[str] | None = frozenset()
    claimed_ids: frozenset[str] = frozenset()
    witness: str | None = None
    witnessed_at: float | None = None
    later: str | None = None
    kept: bool = True
    lag_seen: float = 0.0
    user: str | None = "12"
    earlier_user: str | None = "12"
    cut_off: float | None = None
    late: tuple[Record, ...] = ()

    def stood(self, _run, ids):
        return None if self.stood_ids is None else self.stood_ids & set(ids)

    def claimed(self, ids):
        return self.claimed_ids & set(ids)

    def us(self, run):
        return self.user if run == 1 else self.earlier_user

    def users(self):
        return {user for user in (self.user, self.earlier_user) if user}

    def before(self, _run, _at):
        return (self.witness, self.witnessed_at) if self.witness else None

    def after(self, _run, at):
        # What was intended in the same moment: after it was lost, and not a second after its intent.
        return self.later if at < 1.0 else None

    def intended(self, _segment_id):
        return 1, 0.0

    def began(self, _run):
        return 0.0, 0.0, "this boot"

    def lag(self):
        return self.lag_seen

    def keep_lag(self, lag):
        self.lag_seen = lag

    def names_kept(self, _action):
        return self.kept

    def cut_off_until(self):
        return self.cut_off

    def answered(self, numbers):
        return [record for record in self.late if record.id in numbers]


class Bench:
    """A reconciler, its server, and what it has settled: (time, task id, step)."""

    def __init__(self, server=None, facts=None, rules=RULES, clock=None):
        self.server, self.facts = server or Server(), facts or Facts()
        self.settled = []
        self.expecting = False
        self.loop = asyncio.get_running_loop()
        self.clock = clock or virtual.clock()
        self.reconciler = Reconciler(
            api=self.server,
            ask=lambda request: request(),
            evidence=Evidence(self.facts, self.clock),
            settle=lambda step, task: self.settled.append((self.loop.time(), task.id, step)),
            rules=rules,
            expecting=lambda: self.expecting,
            run=1,
            clock=self.clock,
        )
        self.working = self.loop.create_task(self.reconciler.work())

    def lose(self, number=1, attempts=1, cause=None):
        task = Task(number, spec(number), attempts, intended_at=self.clock.now())
        self.reconciler.hold(Hold(task, cause or InDoubt("lost")))
        return task

    async def until(self, count=1, most=1_000.0):
        while len(self.settled) < count and self.loop.time() < most:
            await asyncio.sleep(0.5)
        self.working.cancel()
        return self.settled


def run(work):
    return virtual.run(work())


def test_what_was_made_is_found_by_its_name_at_once():
    async def work():
        bench = Bench()
        bench.server.make(7, "s 1")
        bench.lose()
        return await bench.until(), bench.server.asked

    ((at, _, step),), asked = run(work)
    assert (step.state, step.segment_id, step.reconciled) == (State.CREATED, "7", True)
    assert at < 1.0
    assert [what for _, what in asked] == ["search"]


def test_what_was_not_made_is_sent_again_only_after_the_settle_time():
    async def work():
        bench = Bench()
        bench.lose()
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at >= RULES.settle
    assert step.task.attempts == 1


def test_a_list_that_lags_is_waited_for_as_long_as_a_witness_is_missing():
    async def work():
        bench = Bench(Server(lag=25.0), Facts(witness="5", claimed_ids=frozenset({"5"})))
        bench.server.make(5, "made before")
        bench.server.make(7, "s 1")
        bench.lose()
        return await bench.until()

    ((at, _, step),) = run(work)
    assert (step.state, step.segment_id) == (State.CREATED, "7")
    assert at >= 25.0


def test_a_lag_that_an_earlier_run_has_seen_stands_in_for_a_shorter_settle_time():
    async def work():
        bench = Bench(facts=Facts(lag_seen=40.0))
        bench.lose()
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at >= 40.0


def test_a_lag_that_is_seen_is_kept_for_later_runs():
    async def work():
        bench = Bench(Server(lag=25.0), Facts(witness="5", claimed_ids=frozenset({"5"})))
        bench.server.make(5, "made before")
        bench.lose()
        await bench.until()
        return bench.facts.lag_seen

    assert run(work) >= 25.0


def test_what_cannot_be_told_in_time_is_unknown_with_the_reason_and_is_not_sent_again():
    async def work():
        bench = Bench(facts=Facts(witness="5"))
        bench.lose()
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Record)
    assert step.state is State.UNKNOWN
    assert "segment 5" in step.error
    assert at >= RULES.settle + RULES.give_up_after


def test_hundreds_in_doubt_are_looked_for_by_lists_and_not_by_a_search_each():
    async def work():
        bench = Bench()
        for number in range(1, 301):
            bench.server.make(number + 1_000, f"s {number}")
            bench.lose(number)
        return await bench.until(300), bench.server.asked

    settled, asked = run(work)
    assert {step.segment_id for _, _, step in settled} == {str(number + 1_000) for number in range(1, 301)}
    assert len(asked) <= 2


def test_attempts_that_are_used_up_are_a_failure_that_the_next_run_tries_again():
    async def work():
        bench = Bench()
        bench.lose(attempts=RULES.max_attempts)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.temporary) == (State.FAILED, True)


@pytest.mark.parametrize("given_up", [True, False])
def test_what_is_not_to_be_sent_again_is_not(given_up):
    async def work():
        bench = Bench()
        task = Task(1, spec(1), 1, intended_at=-1_000.0)
        lost = Lost(1, "s 1", "s 1", "create", 0, -1_000.0)
        bench.reconciler.take(task, lost, InDoubt("left"), resend=False, given_up=given_up)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.state is (State.UNKNOWN if given_up else State.FAILED)


def test_one_that_was_given_up_is_taken_when_it_shows_at_last():
    async def work():
        bench = Bench()
        bench.server.make(7, "s 1")
        task = Task(1, spec(1), 1, intended_at=-1_000.0)
        lost = Lost(1, "s 1", "s 1", "create", 0, -1_000.0)
        bench.reconciler.take(task, lost, InDoubt("left"), resend=False, given_up=True)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id) == (State.CREATED, "7")


def test_a_restart_does_not_begin_the_settle_time_anew():
    async def work():
        bench = Bench()
        task = Task(1, spec(1), 1, intended_at=-8.0)
        lost = Lost(1, "s 1", "s 1", "create", 0, -8.0)
        bench.reconciler.take(task, lost, InDoubt("left"))
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at < RULES.settle


@pytest.mark.parametrize("jump", [-5_000.0, 5_000.0])
def test_a_clock_that_jumps_does_not_shorten_the_settle_time(jump):
    async def work():
        loop = asyncio.get_running_loop()
        clock = Clock(
            now=lambda: loop.time() + (jump if loop.time() >= 1.0 else 0.0),
            monotonic=loop.time,
            sleep=asyncio.sleep,
            chance=lambda: 0.5,
        )
        bench = Bench(clock=clock)
        task = Task(1, spec(1), 1, intended_at=clock.now())
        await asyncio.sleep(2.0)
        bench.reconciler.hold(Hold(task, InDoubt("lost")))
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at >= RULES.settle


def test_a_list_that_fails_is_no_list():
    async def work():
        bench = Bench(Server(failing=True))
        bench.lose()
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.state is State.UNKNOWN
    assert "cannot be read" in step.error


def test_two_in_doubt_do_not_get_one_id():
    async def work():
        bench = Bench(facts=Facts(kept=False))
        bench.server.make(7, "s 1")
        bench.lose(1)
        bench.lose(2)
        return await bench.until(2)

    settled = run(work)
    ids = [step.segment_id for _, _, step in settled if isinstance(step, Record) and step.segment_id]
    assert ids == ["7"]


def test_of_several_that_one_segment_in_a_list_could_be_only_one_gets_it():
    async def work():
        bench = Bench()
        bench.server.make(7, "s 1")
        for number in range(1, 9):
            task = Task(number, spec(number), 1, intended_at=0.0)
            lost = Lost(number, "s 1", "s 1", "create", 1, 0.0)
            bench.reconciler.take(task, lost, InDoubt("lost"), resend=False)
        return await bench.until(8)

    settled = run(work)
    assert [step.segment_id for _, _, step in settled if step.state is State.CREATED] == ["7"]


TAKEN = NameTaken(409, "name: is already taken", "r", None)


@pytest.mark.parametrize(
    ("policy", "state"),
    [("fail", State.FAILED), ("skip", State.SKIPPED), ("adopt", State.ADOPTED), ("ignore", State.FAILED)],
)
def test_a_taken_name_at_the_first_attempt_goes_by_if_exists(policy, state):
    async def work():
        bench = Bench(rules=Rules(10.0, 5.0, 60.0, 3, policy))
        bench.server.make(7, "s 1", by="99")
        bench.lose(cause=TAKEN)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.state is state


@pytest.mark.parametrize("conflicting_id", ["7", None])
def test_a_taken_name_after_our_own_lost_attempt_is_ours(conflicting_id):
    async def work():
        bench = Bench(Server(lag=0.0 if conflicting_id is None else 30.0))
        bench.server.make(7, "s 1")
        bench.lose(attempts=2, cause=NameTaken(409, "taken", "r", conflicting_id))
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id, step.reconciled) == (State.CREATED, "7", True)


def test_a_taken_name_after_a_lost_attempt_that_is_somebody_elses_goes_by_if_exists():
    async def work():
        bench = Bench()
        bench.server.make(7, "s 1", by="99")
        bench.lose(attempts=2, cause=NameTaken(409, "taken", "r", "7"))
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.state is State.FAILED


@pytest.mark.parametrize("policy", ["adopt", "fail"])
def test_a_conflict_with_a_new_one_of_ours_under_another_name_is_unknown_and_claims_nothing(policy):
    """The server takes two names for one that we do not: it may be this spec's, or that of one in doubt."""

    async def work():
        bench = Bench(rules=Rules(10.0, 5.0, 60.0, 3, policy))
        bench.server.make(7, "ś 1")
        bench.lose(attempts=1 if policy == "adopt" else 2, cause=NameTaken(409, "taken", "r", "7"))
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id) == (State.UNKNOWN, None)
    assert "7" in step.error


@pytest.mark.parametrize("policy", ["adopt", "skip"])
def test_a_segment_of_another_name_is_neither_adopted_nor_a_reason_to_skip(policy):
    async def work():
        bench = Bench(rules=Rules(10.0, 5.0, 60.0, 3, policy))
        bench.server.make(7, "the source of the copy", by="77")
        bench.lose(cause=NameTaken(409, "name: is already taken", "r", "7"))
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id, step.http_status) == (State.FAILED, None, 409)
    assert step.error == 'name: is already taken; the segment that has it is 7, "the source of the copy"'


def test_what_was_found_for_another_spec_a_moment_ago_is_not_adopted():
    async def work():
        bench = Bench(rules=Rules(10.0, 5.0, 60.0, 3, "adopt"))
        bench.server.make(7, "s 1")
        bench.lose(1)
        await bench.until(1)
        bench.working = bench.loop.create_task(bench.reconciler.work())
        task = Task(2, spec(1), 1, intended_at=bench.clock.now())
        bench.reconciler.hold(Hold(task, NameTaken(409, "taken", "r", "7")))
        return await bench.until(2)

    _, (_, _, step) = run(work)
    assert step.state is State.FAILED
    assert "another key" in step.error


def test_a_segment_that_one_spec_was_refused_for_is_still_there_for_the_one_that_made_it():
    async def work():
        bench = Bench(rules=Rules(10.0, 5.0, 60.0, 3, "skip"))
        bench.server.make(7, "s 2")
        bench.lose(1, cause=NameTaken(409, "taken", "r", "7"))
        await bench.until(1)
        bench.working = bench.loop.create_task(bench.reconciler.work())
        bench.lose(2)
        return await bench.until(2)

    (_, _, refused), (_, _, made) = run(work)
    assert refused.state in (State.SKIPPED, State.UNKNOWN)
    assert (made.state, made.segment_id) == (State.CREATED, "7")


def test_a_taken_name_is_not_taken_for_ours_for_sure_while_our_user_is_not_known():
    async def work():
        bench = Bench(facts=Facts(user=None, earlier_user=None))
        bench.server.make(7, "s 1", by="99")
        bench.lose(attempts=2, cause=NameTaken(409, "taken", "r", "7"))
        return await bench.until()

    ((at, _, step),) = run(work)
    assert (step.state, step.warning) == (State.CREATED, UNCHECKED)
    assert at >= RULES.settle


def test_the_user_of_an_earlier_run_counts_for_what_that_run_sent():
    async def work():
        bench = Bench(facts=Facts(user="13", earlier_user="12"))
        bench.server.make(7, "s 1", by="12")
        bench.reconciler.take(Task(1, spec(1), 1), Lost(1, "s 1", "s 1", "create", 0, 0.0), InDoubt("left"))
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id) == (State.CREATED, "7")


def test_what_the_first_request_of_a_run_made_is_ours_however_late_the_second_was_refused():
    """Where no list was taken before, times alone tell, and those of the first request count."""

    async def work():
        rules = Rules(settle=400.0, timeout=5.0, give_up_after=60.0, max_attempts=3, if_exists="ignore")
        bench = Bench(Server(lag=10_000.0), Facts(stood_ids=None), rules)
        bench.server.make(7, "s 1")
        bench.lose()
        await bench.until(1)
        bench.working = bench.loop.create_task(bench.reconciler.work())
        bench.lose(attempts=2, cause=NameTaken(409, "taken", "r", "7"))
        return await bench.until(2)

    (_, _, again), (_, _, step) = run(work)
    assert isinstance(again, Retry)
    assert (step.state, step.segment_id) == (State.CREATED, "7")


def test_times_are_compared_by_the_servers_clock_where_an_answer_has_told_it():
    """Ours is an hour ahead: by it, what was made just now was there long before."""

    async def work():
        loop = asyncio.get_running_loop()
        clock = Clock(lambda: loop.time() + 3_600.0, loop.time, asyncio.sleep, lambda: 0.5)
        facts = Facts(stood_ids=None, witness="5", witnessed_at=0.0, claimed_ids=frozenset({"5"}))
        bench = Bench(facts=facts, clock=clock)
        bench.server.make(5, "made before")
        bench.server.make(7, "s 1")
        bench.lose()
        return await bench.until()

    ((_, _, step),) = run(work)
    assert (step.state, step.segment_id) == (State.CREATED, "7")


def test_what_was_sent_once_the_answer_was_lost_has_to_show_before_absence_is_concluded():
    async def work():
        bench = Bench(Server(lag=25.0))
        bench.lose()
        bench.facts.later = "8"
        bench.server.make(8, "sent just after")
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at >= 25.0


@pytest.mark.parametrize("answered", [True, False])
def test_absence_is_not_concluded_while_answers_are_to_come_before_one_has(answered):
    """However far lists lag, and however little there is that tells."""

    async def work():
        bench = Bench()
        bench.expecting = True
        bench.lose()
        await asyncio.sleep(30.0)
        early = list(bench.settled)
        if answered:
            bench.server.make(8, "sent just after")
            bench.facts.later = "8"
        bench.expecting = answered
        return early, await bench.until()

    early, ((at, _, step),) = run(work)
    assert early == []
    assert isinstance(step, Retry)
    assert at >= 30.0


def test_what_nothing_tells_of_in_time_is_unknown():
    async def work():
        bench = Bench()
        bench.expecting = True
        bench.lose()
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.state is State.UNKNOWN
    assert "sent later" in step.error


def test_a_lag_that_was_seen_stands_in_for_a_shorter_settle_time():
    async def work():
        bench = Bench(Server(lag=25.0), Facts(witness="5", claimed_ids=frozenset({"5"})))
        bench.server.make(5, "made before")
        bench.lose(1)
        await bench.until(1)
        bench.facts.witness = None
        bench.working = bench.loop.create_task(bench.reconciler.work())
        bench.lose(2)
        lost_at = bench.loop.time()
        (_, (at, _, step)) = await bench.until(2)
        return at - lost_at, step

    waited, step = run(work)
    assert isinstance(step, Retry)
    assert waited >= 25.0


@pytest.mark.parametrize("also", [[], ["; several segments could be it: 7, 8"]])
def test_what_makes_a_spec_unknown_is_told_once_however_many_runs_find_it(also):
    async def work():
        bench = Bench()
        bench.server.make(7, "s 1")
        bench.server.make(8, "s 1")
        lost = Lost(1, "s 1", "s 1", "create", 0, 0.0)
        bench.reconciler.take(Task(1, spec(1), 1), lost, InDoubt("".join(["left", *also])), given_up=True)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step.error == "left; several segments could be it: 7, 8"


def test_a_run_that_sent_again_finds_a_twin_at_its_end():
    async def work():
        bench = Bench(facts=Facts(claimed_ids=frozenset({"8"})))
        bench.lose()
        await bench.until()
        bench.server.make(7, "s 1")
        bench.server.make(8, "s 1")
        return await bench.reconciler.twins()

    ((task, ids),) = run(work)
    assert (task.spec.key, task.spec.name, ids) == (spec(1).key, "s 1", ("7",))


def test_a_run_that_sent_nothing_again_looks_for_no_twins():
    async def work():
        bench = Bench()
        bench.working.cancel()
        return await bench.reconciler.twins(), bench.server.asked

    assert run(work) == ([], [])


def test_a_stop_comes_out_of_the_looking():
    async def work():
        bench = Bench()

        async def stopped(_request):
            raise Stopped("stop")

        bench.reconciler._ask = stopped
        bench.lose()
        await asyncio.sleep(1)
        return bench.working.exception()

    assert isinstance(run(work), Stopped)


def test_a_list_that_fails_at_the_end_is_told():
    async def work():
        bench = Bench()
        bench.lose()
        await bench.until()
        bench.server.failing = True
        with pytest.raises(ListingFailed):
            await bench.reconciler.twins()

    run(work)


# --- A former holder that was cut off -------------------------------------------------------------------


def of_an_earlier_run(bench):
    task = Task(1, spec(1), 1, intended_at=0.0)
    lost = Lost(1, "s 1", "s 1", "create", 0, 0.0)
    bench.reconciler.take(task, lost, InDoubt("it was under way"))


def test_what_a_holder_left_that_was_cut_off_waits_for_its_lease_its_time_out_and_settle():
    async def work():
        bench = Bench(facts=Facts(cut_off=20.0))
        of_an_earlier_run(bench)
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at >= 20.0 + RULES.timeout + RULES.settle


def test_what_this_run_has_lost_itself_does_not_wait_for_it():
    async def work():
        bench = Bench(facts=Facts(cut_off=900.0))
        bench.lose()
        return await bench.until()

    ((at, _, step),) = run(work)
    assert isinstance(step, Retry)
    assert at < 20.0


def test_an_id_that_it_records_late_is_taken_though_the_list_shows_it_as_claimed():
    late = Record(1, State.CREATED, 1, 3.0, "7", 201)

    async def work():
        bench = Bench(facts=Facts(cut_off=20.0, claimed_ids=frozenset({"7"}), late=(late,)))
        bench.server.make(7, "s 1")
        of_an_earlier_run(bench)
        return await bench.until()

    ((_, _, step),) = run(work)
    assert step == late
