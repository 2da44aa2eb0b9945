"""What is not as it was asked for, beside name and folder: told from the answer, or read where none came."""

import orjson
import pytest

from bulkseg.model import Action, Answer, Made, Record, Spec, State, Task
from bulkseg.outcome import Retry, judge, lesser_differences
from bulkseg.reread import Found
from bulkseg.stop import Stop

ELEMENTS = [{"type": "ContactFilterSegmentElement", "id": "-1", "isIncluded": "true"}]
OTHERS = [{"type": "ContactFilterSegmentElement", "id": "9", "isIncluded": "false"}]


def spec(action=Action.CREATE, **body):
    return Spec("k", "t", action, "n", "n", "5", orjson.dumps({"name": "n", **body}), "h", "s.csv", 2)


def found(**shown):
    return {"id": "7", "name": "n", "depth": "complete", **shown}


@pytest.mark.parametrize(
    ("asked", "shown", "told"),
    [
        (spec(description="d"), found(description="d"), []),
        (spec(description="d"), found(), ['description: asked for "d", the server has none']),
        (spec(description="d"), found(description="e"), ['description: asked for "d", the server has "e"']),
        (spec(description="d"), found(depth="minimal"), []),
        (spec(description=""), found(), []),
        (spec(), found(description="e"), []),
        (spec(elements=ELEMENTS), found(elements=OTHERS), []),
        (spec(Action.COPY), found(elements=OTHERS, description="e"), []),
        (spec(Action.COPY, elements=ELEMENTS), found(elements=ELEMENTS), []),
        (spec(Action.COPY, elements=ELEMENTS), found(depth="partial"), []),
        (
            spec(Action.COPY, elements=ELEMENTS, description="d", folderId="7"),
            found(elements=OTHERS),
            ['description: asked for "d", the server has none', "elements[1].isIncluded"],
        ),
    ],
)
def test_only_what_was_asked_for_and_what_the_answer_shows_is_compared(asked, shown, told):
    lines = lesser_differences(asked, shown)
    assert len(lines) == len(told)
    assert all(line.startswith(words) for line, words in zip(sorted(lines), told, strict=True))


def test_the_answer_to_a_create_warns_of_a_description_that_was_not_honoured():
    asked = spec(description="d", folderId="3")
    made = judge(asked, Answer(201, orjson.dumps(found(folderId="1"))))
    assert isinstance(made, Made)
    assert made.warning == (
        'folderId: asked for 3, the server has 1; description: asked for "d", the server has none'
    )


class Server:
    def __init__(self, *replies):
        self.replies = list(replies)
        self.read = []

    async def get(self, segment_id):
        self.read.append(segment_id)
        return self.replies.pop(0)


async def told(notes, *replies):
    """Which segments were read, and what was told of which spec."""
    reread, server, warnings = Found(), Server(*replies), []
    for step, task in notes:
        reread.note(step, task)

    async def ask(request):
        return await request()

    await reread.read(server, ask, lambda *both: warnings.append(both), hands=1, stop=Stop())
    return server.read, warnings


def note(number, asked, state=State.CREATED, segment_id="7"):
    return Record(number, state, 1, 0.0, segment_id=segment_id, reconciled=True), Task(number, asked)


async def test_what_was_found_is_read_where_something_in_it_may_differ():
    plain, described = spec(), spec(description="d")
    notes = [
        note(1, plain),
        note(2, described, segment_id="8"),
        (Retry(Task(3, described), 0.0), Task(3, described)),
    ]
    notes += [note(4, described, State.UNKNOWN, None), note(5, described, State.FAILED, None)]
    read, warnings = await told(notes, Answer(200, orjson.dumps(found())))
    assert read == ["8"]
    assert warnings == [(2, 'description: asked for "d", the server has none')]


@pytest.mark.parametrize(
    "answer", [Answer(404, b""), Answer(200, b"<html>"), Answer(200, orjson.dumps(found(description="d")))]
)
async def test_nothing_is_told_where_nothing_is_seen_to_differ(answer):
    assert (await told([note(1, spec(description="d"))], answer))[1] == []
