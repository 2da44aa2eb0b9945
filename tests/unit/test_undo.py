"""What an undo deletes, what it leaves, and what it says of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import pytest

from bulkseg.clock import Clock
from bulkseg.content import digest
from bulkseg.model import Answer, Record, Reply, State
from bulkseg.stop import Stop
from bulkseg.undo import Report, Rules, Target, Undo, why_kept

FOUND: dict[str, Any] = {
    "type": "ContactSegment",
    "id": "7",
    "name": "gold",
    "depth": "complete",
    "createdBy": "12",
    "createdAt": "1000000",
    "updatedBy": "12",
    "updatedAt": "1000004",
    "elements": [{"type": "ContactListSegmentElement", "id": "1", "list": {"id": "5"}}],
}
CONTENT = digest(FOUND)


def target(**changes: Any) -> Target:
    values: dict[str, Any] = {
        "segment_id": "7",
        "key": '["gold"]',
        "name": "gold",
        "created_by": "12",
        "content": CONTENT,
        "reconciled": False,
        "record": Record(1, State.UNDONE, 1, 0.0),
    }
    return Target(**(values | changes))


@pytest.mark.parametrize("force", [False, True])
def test_what_is_as_it_was_made_is_deleted(force):
    assert why_kept(target(), FOUND, Rules(us=None, force=force)) is None


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("on_record", "found", "us", "words"),
    [
        ({}, {"name": "silver"}, "12", 'its name is "silver" and not "gold"'),
        ({}, {"name": "Gold"}, "12", 'its name is "Gold"'),
        ({}, {"createdBy": "77"}, "12", "user 77 made it and not user 12"),
        ({}, {"createdBy": "77"}, "77", "user 77 made it and not user 12"),
        ({}, {"createdBy": None}, "12", "made it and not user 12"),
        ({"created_by": None}, {"createdBy": "77"}, "12", "user 77 made it and not user 12"),
        ({"created_by": None}, {}, None, "our own user's id is not known"),
    ],
)
def test_what_has_another_name_or_creator_stays_whatever_is_said(force, on_record, found, us, words):
    why = why_kept(target(**on_record), FOUND | found, Rules(us=us, force=force))
    assert why is not None
    assert words in why


@pytest.mark.parametrize(
    ("on_record", "found", "words"),
    [
        ({}, {"updatedBy": "77"}, "changed since by user 77"),
        ({}, {"elements": []}, "changed since it was made"),
        ({}, {"folderId": "9"}, "changed since it was made"),
        ({"content": None}, {"updatedAt": "1000400"}, "changed since it was made"),
    ],
)
def test_what_somebody_has_changed_stays_unless_it_is_forced(on_record, found, words):
    why = why_kept(target(**on_record), FOUND | found, Rules(us="12"))
    assert why is not None
    assert words in why
    assert why_kept(target(**on_record), FOUND | found, Rules(us="12", force=True)) is None


@pytest.mark.parametrize(
    "found",
    [
        {"updatedAt": "1000299"},
        {"updatedAt": None, "createdAt": None},
        {"updatedBy": None},
        {"createdBy": 12, "updatedBy": 12},
    ],
)
def test_where_its_first_content_is_not_known_a_later_time_alone_within_minutes_is_no_change(found):
    kept = {key: value for key, value in (FOUND | found).items() if value is not None}
    assert why_kept(target(content=None), kept, Rules(us="12")) is None


def test_a_later_time_is_no_change_where_the_content_is_known_to_be_the_same():
    assert why_kept(target(), FOUND | {"updatedAt": "9000000"}, Rules(us="12")) is None


def test_a_creator_that_is_not_on_record_is_our_own_user():
    assert why_kept(target(created_by=None), FOUND, Rules(us="12")) is None


# --- One after the other --------------------------------------------------------------------------------


class Site:
    """Answers a read and a deletion as told, and keeps the deletions and the records in one order."""

    def __init__(self, read: Answer, deleted: Answer) -> None:
        self.answers = {"get": read, "delete": deleted}
        self.done: list[Any] = []

    async def get(self, segment_id: str) -> Reply:
        assert segment_id == "7"
        return self.answers["get"]

    async def delete(self, segment_id: str) -> Reply:
        self.done.append(f"delete {segment_id}")
        return self.answers["delete"]

    async def record(self, records: list[Record]) -> None:
        self.done.extend(records)


async def ask(request: Callable[[], Awaitable[Reply]]) -> Answer:
    reply = await request()
    assert isinstance(reply, Answer)
    return reply


def answer(status: int, body: Mapping[str, Any] | None = None) -> Answer:
    return Answer(status, b"" if body is None else orjson.dumps(body))


async def undo(site: Site, **changes: Any) -> Report:
    rules = Rules(us="12", reconciled=changes.pop("confirmed", False))
    report = Report(total=1)
    clock = Clock(now=lambda: 5.0)
    work = Undo(api=site, ask=ask, ledger=site, rules=rules, report=report, clock=clock, stop=Stop())
    await work.run([target(**changes)], hands=2)
    assert report.done == 1
    return report


DELETED = Record(1, State.UNDONE, 1, 5.0)


@pytest.mark.parametrize("status", [200, 204, 404])
async def test_a_deletion_is_on_record_before_it_counts(status):
    site = Site(answer(200, FOUND), answer(status))
    report = await undo(site)
    assert len(report.undone) == 1
    assert site.done == ["delete 7", DELETED]


async def test_what_is_gone_already_is_undone_without_a_deletion():
    site = Site(answer(404), answer(200))
    report = await undo(site)
    assert [fate.why for fate in report.undone] == ["was gone already"]
    assert site.done == [DELETED]


@pytest.mark.parametrize(("status", "words"), [(412, "other objects depend on it"), (403, "no permission")])
async def test_a_deletion_that_is_refused_is_told_with_its_reason_and_not_on_record(status, words):
    site = Site(answer(200, FOUND), answer(status))
    report = await undo(site)
    assert words in report.failed[0].why
    assert site.done == ["delete 7"]


@pytest.mark.parametrize("read", [answer(403), answer(200), answer(200, {"type": "ContactList", "id": "7"})])
async def test_what_cannot_be_read_is_not_deleted(read):
    site = Site(read, answer(200))
    report = await undo(site)
    assert len(report.failed) == 1
    assert site.done == []


async def test_what_is_kept_is_not_deleted():
    site = Site(answer(200, FOUND | {"createdBy": "77"}), answer(200))
    report = await undo(site)
    assert len(report.kept) == 1
    assert site.done == []


async def test_what_was_reconciled_is_deleted_only_when_that_was_confirmed():
    site = Site(answer(200, FOUND), answer(200))
    report = await undo(site, reconciled=True)
    assert "not confirmed" in report.kept[0].why
    assert site.done == []
    assert len((await undo(site, reconciled=True, confirmed=True)).undone) == 1
