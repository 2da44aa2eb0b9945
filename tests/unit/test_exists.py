"""What `if_exists` makes of a name that is taken: a table."""

import pytest

from bulkseg.exists import exists, reserved, taken
from bulkseg.model import NameTaken, State
from tests.dispatching import tasks

(TASK,) = tasks(1)


@pytest.mark.parametrize(
    ("policy", "ids", "ours", "state", "segment_id"),
    [
        ("fail", ["7"], False, State.FAILED, None),
        ("ignore", ["7"], False, State.FAILED, None),
        ("skip", ["7"], False, State.SKIPPED, "7"),
        ("skip", ["7", "8"], False, State.SKIPPED, "7"),
        ("skip", [], False, State.SKIPPED, None),
        ("adopt", ["7"], False, State.ADOPTED, "7"),
        ("adopt", ["7", "8"], False, State.FAILED, None),
        ("adopt", ["7"], True, State.FAILED, None),
        ("adopt", [], False, State.FAILED, None),
    ],
)
def test_each_policy_has_one_end(policy, ids, ours, state, segment_id):
    record = exists(TASK, policy, ids, 5.0, ours=ours)
    assert (record.state, record.segment_id, record.at, record.temporary) == (state, segment_id, 5.0, False)
    assert bool(record.error) is (state is State.FAILED)


def test_the_error_names_the_ids_and_what_else_could_be_done():
    error = exists(TASK, "fail", ["7"], 5.0).error
    assert "7" in error
    assert "if_exists" in error


def test_the_servers_refusal_is_kept():
    record = exists(TASK, "fail", [], 5.0, taken=NameTaken(409, "name: is already taken", "r1"))
    assert (record.http_status, record.request_id, record.error) == (409, "r1", "name: is already taken")


def test_a_name_that_may_have_been_made_for_another_key_is_tried_again_by_the_next_run():
    record = reserved(TASK, '["t","other"]', 5.0)
    assert (record.state, record.temporary) == (State.FAILED, True)
    assert '["t","other"]' in record.error


@pytest.mark.parametrize(
    ("policy", "ids", "holder", "in_doubt", "state"),
    [
        ("fail", (), None, False, None),
        ("fail", ("7",), None, False, State.FAILED),
        ("fail", (), "another", False, State.FAILED),
        ("skip", ("7",), None, False, State.SKIPPED),
        ("adopt", ("7",), None, False, State.ADOPTED),
        ("adopt", ("7",), "another", False, State.FAILED),
        ("ignore", ("7",), None, False, None),
        ("ignore", (), "another", False, None),
        ("ignore", (), "another", True, State.FAILED),
        ("skip", ("7",), "another", True, State.FAILED),
    ],
)
def test_a_spec_is_sent_unless_its_name_is_taken_as_far_as_the_policy_cares(
    policy, ids, holder, in_doubt, state
):
    record = taken(TASK, policy, ids, 5.0, holder=holder, in_doubt=in_doubt)
    assert (record and record.state) == state
    assert bool(record and record.temporary) is in_doubt
