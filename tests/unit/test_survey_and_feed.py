"""The two passes: all that is wrong is told before anything is sent; only what is open is expanded again."""

import pytest

from bulkseg.checkpoint import Clash, Clashes, OpenSpec, Place
from bulkseg.errors import InputError, Problem, Stopped
from bulkseg.feed import first_of, open_tasks, pages, threaded
from bulkseg.model import Row
from bulkseg.problems import SHOWN, Problems
from bulkseg.survey import survey
from tests.dispatching import spec


class Source:
    """Rows 1 to `count` of one file; row numbers in `bad` are unfit."""

    def __init__(self, count, bad=()):
        self.count, self.bad = count, bad

    def batches(self, size=3, problem=None):
        for first in range(1, self.count + 1, size):
            rows = range(first, min(first + size, self.count + 1))
            for number in rows:
                if number in self.bad:
                    problem(Problem("s.csv", "is ragged", number + 1))
            yield [
                Row("s.csv", number + 1, {"name": f"s {number}"}) for number in rows if number not in self.bad
            ]

    def display(self, file):
        return f"jobs/{file}"


class Expander:
    """One spec a row; remembers which rows it was asked for."""

    def __init__(self):
        self.rows = []

    def expand(self, row, _problem):
        self.rows.append(row.line - 1)
        return [spec(row.line - 1)]


class Draft:
    def __init__(self, *clashes, total=None):
        self.specs = []
        self.found = Clashes(clashes, total or len(clashes))

    def add(self, specs):
        self.specs.extend(specs)

    def clashes(self, _limit):
        return self.found


def nothing():
    return None


def test_a_survey_counts_what_the_source_holds_and_shows_the_first():
    draft = Draft()
    found = survey(Source(7), Expander(), draft, look=nothing)
    assert (found.rows, found.specs, found.by_template, found.by_action) == (7, 7, {"t": 7}, {"create": 7})
    assert [one.name for one in found.first] == [f"s {number}" for number in range(1, 6)]
    assert len(draft.specs) == 7


def test_every_bad_row_and_every_name_that_comes_twice_is_told_with_both_places():
    clash = Clash("name", "Twice", Place("s.csv", 2), Place("s.csv", 9))
    with pytest.raises(InputError) as refused:
        survey(Source(7, bad={2, 5}), Expander(), Draft(clash), look=nothing)
    lines = refused.value.lines()
    assert lines[:2] == ["s.csv:3: is ragged", "s.csv:6: is ragged"]
    assert lines[2].startswith("jobs/s.csv:9: name:")
    assert "jobs/s.csv:2" in lines[2]


def test_clashes_that_are_not_shown_are_counted():
    clash = Clash("key", '["t","x"]', Place("s.csv", 2), Place("s.csv", 3))
    with pytest.raises(InputError) as refused:
        survey(Source(3), Expander(), Draft(clash, total=40), look=nothing)
    assert refused.value.total == 40


def test_a_survey_can_be_given_up():
    def stop():
        raise Stopped("stopped by SIGTERM")

    with pytest.raises(Stopped):
        survey(Source(3), Expander(), Draft(), look=stop)


def test_the_first_hundred_problems_are_told_in_full_and_the_rest_counted():
    problems = Problems()
    for line in range(250):
        problems.add(Problem("s.csv", "bad", line))
    with pytest.raises(InputError) as refused:
        problems.refuse()
    assert len(refused.value.problems) == SHOWN
    assert refused.value.lines()[-1].startswith("and 150 more")


def open_spec(number, key=None):
    return OpenSpec(number, number + 100, key or spec(number).key, "s.csv", number + 1, 2)


def test_only_the_rows_of_open_specs_are_expanded_in_the_order_of_the_source():
    expander = Expander()
    found = [
        task
        for batch in open_tasks(Source(9), expander, pages([open_spec(2), open_spec(8)]))
        for task in batch
    ]
    assert [(task.id, task.spec.name, task.attempts) for task in found] == [(102, "s 2", 2), (108, "s 8", 2)]
    assert expander.rows == [2, 8]


def test_reading_ends_with_the_last_open_spec():
    source = Source(10_000)
    read = []
    batches = source.batches
    source.batches = lambda _size: (read.append(1) or batch for batch in batches(3))
    list(open_tasks(source, Expander(), pages([open_spec(1)])))
    assert len(read) <= 2


def test_nothing_open_reads_nothing_on():
    assert list(open_tasks(Source(3), Expander(), pages([]))) == []


@pytest.mark.parametrize("changed", [open_spec(2, '["t","other"]'), open_spec(12)])
def test_a_source_that_has_changed_since_it_was_checked_stops_the_run(changed):
    with pytest.raises(Stopped, match="has changed since it was checked"):
        list(open_tasks(Source(9), Expander(), pages([changed])))


@pytest.mark.parametrize(("limit", "sizes"), [(0, []), (2, [2]), (3, [3]), (5, [3, 2]), (99, [3, 3, 1])])
def test_a_limit_takes_so_many_and_no_more(limit, sizes):
    batches = iter([[1, 2, 3], [4, 5, 6], [7]])
    assert [len(batch) for batch in first_of(batches, limit)] == sizes


async def test_batches_are_made_in_another_thread_one_when_it_is_asked_for():
    made = []

    def batches():
        for number in range(3):
            made.append(number)
            yield number

    taken = [number async for number in threaded(batches())]
    assert taken == made == [0, 1, 2]
