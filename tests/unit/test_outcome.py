"""What an answer means, and what follows: the tables of the retry policy."""

import orjson
import pytest

from bulkseg.model import (
    Action,
    Answer,
    Forbidden,
    InDoubt,
    LoggedOut,
    Made,
    NameTaken,
    NoAnswer,
    NotSent,
    Record,
    Refused,
    SourceMissing,
    Spec,
    State,
    Task,
    Throttled,
)
from bulkseg.outcome import MAX_THROTTLED, Hold, Retry, backoff, judge, next_step

TAKEN = (
    b'[{"type":"ObjectValidationError","property":"name","value":"x",'
    b'"requirement":{"type":"UniquenessRequirement","conflictingId":"9"}}]'
)
SEGMENT = {"type": "ContactSegment", "id": "7", "name": "one", "createdBy": "12", "createdAt": "1459410210"}


def spec(action: Action = Action.CREATE, **body: str) -> Spec:
    source = "" if action is Action.CREATE else "55"
    whole = orjson.dumps({"name": "one", **body})
    return Spec('["t","one"]', "t", action, "one", "one", source, whole, "h", "s.csv", 2)


def answer(status: int, body: object = b"", **more: object) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else orjson.dumps(body), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (NoAnswer(left=False, error="refused"), NotSent),
        (NoAnswer(left=True, error="reset"), InDoubt),
        (answer(201, SEGMENT), Made),
        (answer(200, SEGMENT), Made),
        (answer(201, SEGMENT, whole=False), InDoubt),
        (answer(201, b""), InDoubt),
        (answer(201, b"<html>"), InDoubt),
        (answer(201, {**SEGMENT, "id": "abc"}), InDoubt),
        (answer(201, {**SEGMENT, "type": "ContactFilter"}), InDoubt),
        (answer(202, b""), InDoubt),
        (answer(204, b""), InDoubt),
        (answer(301, b""), LoggedOut),
        (answer(302, b""), LoggedOut),
        (answer(400, b"[]"), Refused),
        (answer(400, TAKEN), NameTaken),
        (answer(401, b""), LoggedOut),
        (answer(403, b""), Forbidden),
        (answer(404, b""), Refused),
        (answer(408, b""), InDoubt),
        (answer(409, b"{}"), Refused),
        (answer(400, TAKEN[:20], whole=False), InDoubt),
        (answer(409, b"", whole=False), InDoubt),
        (answer(409, TAKEN), NameTaken),
        (answer(412, TAKEN), Refused),
        (answer(413, b""), Refused),
        (answer(429, b"", retry_after=3.0), Throttled),
        (answer(500, b""), InDoubt),
        (answer(502, b"<html>"), InDoubt),
        (answer(503, b""), InDoubt),
        (answer(599, b""), InDoubt),
    ],
)
def test_every_answer_has_one_meaning(reply, kind):
    assert type(judge(spec(), reply)) is kind


def test_a_404_to_a_copy_says_that_its_source_does_not_exist():
    outcome = judge(spec(Action.COPY), answer(404))
    assert isinstance(outcome, SourceMissing)
    assert "55" in outcome.error


def test_what_the_server_made_comes_with_id_creator_and_request_id():
    outcome = judge(spec(), answer(201, SEGMENT, request_id="r1"))
    assert outcome == Made(201, "7", "one", None, "12", "1459410210", "r1", None)


def test_another_name_than_the_one_asked_for_is_a_warning_and_still_ours():
    outcome = judge(spec(), answer(201, {**SEGMENT, "name": "Copy of x"}))
    assert isinstance(outcome, Made)
    assert "Copy of x" in str(outcome.warning)


def test_of_a_name_without_end_the_warning_shows_the_beginning():
    outcome = judge(spec(), answer(201, {**SEGMENT, "name": "x" * 1_000_000}))
    assert isinstance(outcome, Made)
    assert len(outcome.name) == 1_000_000
    assert len(outcome.warning or "") < 1_200


@pytest.mark.parametrize(
    ("folder", "warns"), [({"folderId": "4"}, False), ({"folderId": "5"}, True), ({}, True)]
)
def test_a_folder_that_was_not_honoured_is_a_warning(folder, warns):
    outcome = judge(spec(folderId="4"), answer(201, SEGMENT | folder))
    assert isinstance(outcome, Made)
    assert bool(outcome.warning) is warns


def test_a_taken_name_brings_the_id_that_has_it():
    outcome = judge(spec(), answer(409, TAKEN))
    assert isinstance(outcome, NameTaken)
    assert outcome.conflicting_id == "9"


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_nothing_that_may_have_been_done_is_sent_again_blindly(status):
    task = Task(1, spec(), attempts=1)
    step = next_step(task, judge(task.spec, answer(status)), now=5.0, chance=0.5)
    assert isinstance(step, Hold)


def test_what_was_not_sent_is_tried_again_and_is_no_attempt():
    step = next_step(Task(1, spec(), attempts=3), NotSent("refused"), now=5.0, chance=0.5)
    assert isinstance(step, Retry)
    assert step.task.attempts == 2


def test_a_429_is_no_attempt_and_waits_longer_each_time():
    waits = []
    task = Task(1, spec(), attempts=1)
    for _ in range(8):
        step = next_step(task, Throttled(), now=5.0, chance=0.5)
        assert isinstance(step, Retry)
        waits.append(step.wait)
        task = Task(1, spec(), step.task.attempts + 1, step.task.throttled)
    assert task.attempts == 1
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]


def test_429_without_end_becomes_a_failure_that_the_next_run_tries_again():
    step = next_step(Task(1, spec(), 1, MAX_THROTTLED - 1), Throttled(), now=5.0, chance=0.5)
    assert isinstance(step, Record)
    assert (step.state, step.temporary, step.http_status) == (State.FAILED, True, 429)


def test_a_401_did_nothing_and_is_no_attempt():
    step = next_step(Task(1, spec(), attempts=1), LoggedOut(401, "no"), now=5.0, chance=0.5)
    assert isinstance(step, Retry)
    assert step.task.attempts == 0


def test_a_refusal_is_final_and_keeps_its_reason():
    step = next_step(Task(1, spec(), attempts=1), Refused(400, "name: bad", "r2"), now=5.0, chance=0.5)
    assert isinstance(step, Record)
    assert (step.state, step.error, step.http_status, step.request_id) == (
        State.FAILED,
        "name: bad",
        400,
        "r2",
    )
    assert not step.temporary


def test_a_segment_that_was_made_ends_with_its_id():
    task = Task(1, spec(), attempts=2)
    step = next_step(task, judge(task.spec, answer(201, SEGMENT)), now=5.0, chance=0.5)
    assert isinstance(step, Record)
    assert (step.state, step.segment_id, step.attempts, step.at) == (State.CREATED, "7", 2, 5.0)


@pytest.mark.parametrize("tries", [1, 2, 5, 20, 10_000])
def test_backoff_is_spread_and_bounded(tries):
    low, high = backoff(tries, 0.0), backoff(tries, 1.0)
    assert 0 < low < high <= 30.0
