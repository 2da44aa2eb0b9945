"""Which spec a person means, and what of it can be settled."""

from __future__ import annotations

from typing import Any

import pytest

from bulkseg.checkpoint import SpecRow
from bulkseg.errors import ConfigError
from bulkseg.model import Action, State
from bulkseg.settle import BY_HAND, choose, record_of


def row(key: str, name: str = "", state: State = State.UNKNOWN, **changes: Any) -> SpecRow:
    values: dict[str, Any] = {
        "key": key,
        "template": "gold",
        "action": Action.CREATE,
        "name": name or key,
        "source_id": "",
        "state": state,
        "segment_id": None,
        "http_status": None,
        "error": None,
        "warning": None,
        "attempts": 3,
        "reconciled": False,
        "source": "s.csv",
        "line": 2,
        "request_id": "r",
        "sent_at": None,
        "done_at": None,
        "run": 1,
        "created_by": None,
        "created_at": None,
        "server_name": None,
        "content": None,
        "number": 5,
        "hash": "h",
    }
    return SpecRow(**(values | changes))


ROWS = [
    row('["gold","A1","EMEA"]', "A1 EMEA"),
    row('["gold","A2","EMEA"]', "A2 EMEA", State.SENDING),
    row('["gold","A3","EMEA"]', "A3 EMEA", State.CREATED, segment_id="4711"),
    row('["gold","A4","EMEA"]', "twice"),
    row('["gold","A5","EMEA"]', "twice"),
    row('["gold","A6","old"]', "moved", State.FAILED),
    row('["gold","A6","new"]', "moved"),
]


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ('["gold","A1","EMEA"]', '["gold","A1","EMEA"]'),
        ('[ "gold", "A1", "EMEA" ]', '["gold","A1","EMEA"]'),
        ("A1 EMEA", '["gold","A1","EMEA"]'),
        ("A2 EMEA", '["gold","A2","EMEA"]'),
        ("moved", '["gold","A6","new"]'),
    ],
)
def test_a_spec_in_doubt_is_meant_by_its_key_or_by_its_name(wanted, key):
    assert choose(ROWS, wanted).key == key


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ('["gold","A3","EMEA"]', "is created with the id 4711, and not unknown"),
        ("A3 EMEA", "is created with the id 4711"),
        ("twice", 'give the key: ["gold","A4","EMEA"] and ["gold","A5","EMEA"]'),
        ('["gold","A1","EMAE"]', 'did you mean ["gold","A1","EMEA"]?'),
        ("A2 EMAE", 'did you mean ["gold","A2","EMEA"]?'),
        ("?", "`bulkseg results --state unknown` shows those in doubt"),
    ],
)
def test_what_cannot_be_settled_is_told_with_what_to_do(wanted, words):
    with pytest.raises(ConfigError) as refused:
        choose(ROWS, wanted)
    assert words in str(refused.value)


def test_where_nothing_is_in_doubt_nothing_is_suggested():
    with pytest.raises(ConfigError, match="nothing is in doubt"):
        choose([ROWS[2]], "A3")


def test_what_was_made_is_created_with_its_id_and_says_who_found_it():
    record = record_of(ROWS[0], "4711", 9.0)
    assert (record.state, record.segment_id, record.reconciled) == (State.CREATED, "4711", True)
    assert (record.id, record.attempts, record.at, record.warning) == (5, 3, 9.0, BY_HAND)


def test_what_was_not_made_is_sent_again_with_all_of_its_attempts():
    record = record_of(ROWS[0], None, 9.0)
    assert (record.state, record.attempts, record.segment_id) == (State.PENDING, 0, None)
