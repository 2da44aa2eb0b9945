"""What is under way: it leaves in bursts, not before it may nor after its end, and is given up in time."""

import asyncio
from types import SimpleNamespace

import pytest

from benchmarks import virtual
from bulkseg.eloqua.breaks import NotPermitted, Unasked
from bulkseg.eloqua.flight import Burst, Flight, UnderWay


class Connection:
    """Keeps what is written to it, and what whoever waits for an answer is told."""

    def __init__(self, *, closing=False, error=None, writing_paused=False):
        self.transport = self
        self.writing_paused = writing_paused
        self.not_used_again = False
        self.should_close = False
        self.closing = closing
        self.error = error
        self.written = []
        self.told = []

    def is_closing(self):
        return self.closing

    def write(self, data):
        if self.error is not None:
            raise self.error
        self.written.append(data)

    def force_close(self):
        self.not_used_again = True

    def set_exception(self, error):
        self.told.append(error)


def flight(burst, *, may=True):
    return Flight(burst, lambda: may)


async def test_what_one_turn_of_the_loop_adds_leaves_together_in_the_next():
    burst, connections = Burst(), [Connection() for _ in range(3)]
    flights = [flight(burst) for _ in connections]
    for one, connection in zip(flights, connections, strict=True):
        burst.add(one, connection, b"all of it")
    assert not any(one.wrote for one in flights)
    await asyncio.sleep(0)
    assert [connection.written for connection in connections] == [[b"all of it"]] * 3
    assert all(one.wrote for one in flights)

    burst.add(flights[0], connections[0], b"more")
    await asyncio.sleep(0)
    assert connections[0].written == [b"all of it", b"more"]


@pytest.mark.parametrize("ended", ["over", "closing", "lost"])
async def test_nothing_leaves_for_a_flight_that_is_over_or_by_a_connection_that_is_closing(ended):
    burst, connection = Burst(), Connection(closing=ended == "closing")
    one = flight(burst)
    burst.add(one, connection, b"late")
    one.over = ended == "over"
    if ended == "lost":
        connection.transport = None
    await asyncio.sleep(0)
    assert connection.written == connection.told == []
    assert not one.wrote


async def test_one_that_may_not_or_cannot_leave_is_told_so_and_keeps_no_other_back():
    burst, broken = Burst(), RuntimeError("the transport is broken")
    denied, failing, last = Connection(), Connection(error=broken), Connection()
    flights = [flight(burst, may=False), flight(burst), flight(burst)]
    for one, connection in zip(flights, [denied, failing, last], strict=True):
        burst.add(one, connection, b"x")
    await asyncio.sleep(0)
    assert [type(error) for error in denied.told] == [NotPermitted]
    assert failing.told == [broken]
    assert last.written == [b"x"]
    # Of the broken one nobody can say how much has left.
    assert [one.wrote for one in flights] == [False, True, True]


async def test_nothing_leaves_by_a_connection_that_has_an_answer_already():
    burst, connection = Burst(), Connection()
    one = flight(burst)
    burst.add(one, connection, b"whose answer?")
    connection.should_close = True
    await asyncio.sleep(0)
    assert connection.written == []
    assert [type(error) for error in connection.told] == [Unasked]
    assert not one.wrote


@pytest.mark.parametrize("paused", [False, True])
async def test_a_connection_that_did_not_take_the_whole_request_is_not_used_for_another_one(paused):
    burst, connection = Burst(), Connection(writing_paused=paused)
    burst.add(flight(burst), connection, b"much")
    await asyncio.sleep(0)
    assert connection.not_used_again == paused


def waiting(one, *, content):
    """As a flight is whose request has been written, and whose answer is waited for."""
    connection = Connection()
    one.response = SimpleNamespace(connection=SimpleNamespace(protocol=connection), content=content)
    return connection


class Content(Connection):
    def __init__(self, *, eof):
        super().__init__()
        self.is_eof = lambda: eof


@pytest.mark.parametrize(
    ("content", "who"),
    [(None, "head"), (Content(eof=False), "body"), (Content(eof=True), "nobody")],
    ids=["head", "body", "whole"],
)
def test_an_overdue_one_is_given_up_where_its_answer_is_waited_for(content, who):
    async def scene():
        under_way, one = UnderWay(30.0), flight(Burst())
        connection = waiting(one, content=content)
        under_way.begin(one)
        await asyncio.sleep(29.9)
        assert connection.told == []
        assert not (content and content.told)
        await asyncio.sleep(1.2)
        assert bool(connection.told) == (who == "head")
        assert bool(content and content.told) == (who == "body")
        under_way.end(one)
        assert one.over

    virtual.run(scene())


def test_only_the_overdue_are_given_up_also_of_those_that_begin_when_nothing_was_under_way():
    async def scene():
        under_way, first, second = UnderWay(5.0), flight(Burst()), flight(Burst())
        connections = [waiting(one, content=None) for one in (first, second)]
        under_way.begin(first)
        await asyncio.sleep(3.0)
        under_way.begin(second)
        await asyncio.sleep(3.0)
        assert [bool(connection.told) for connection in connections] == [True, False]
        under_way.end(first)
        under_way.end(second)
        await asyncio.sleep(60.0)
        third = flight(Burst())
        connection = waiting(third, content=None)
        under_way.begin(third)
        await asyncio.sleep(4.9)
        assert connection.told == []
        await asyncio.sleep(0.7)
        assert connection.told

    virtual.run(scene())


def test_one_that_cannot_be_given_up_keeps_the_others_in_time():
    async def scene():
        under_way, flights = UnderWay(5.0), [flight(Burst()) for _ in range(2)]
        broken, other = [waiting(one, content=None) for one in flights]
        broken.set_exception = lambda _: 1 / 0
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        under_way.begin(flights[0])
        await asyncio.sleep(5.9)
        under_way.end(flights[0])
        under_way.begin(flights[1])
        await asyncio.sleep(5.9)
        assert other.told

    virtual.run(scene())
