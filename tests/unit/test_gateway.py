"""What one answer says of the server is heeded once, for every request to the site."""

import asyncio

import orjson
import pytest

from bulkseg.clock import Clock
from bulkseg.errors import ServerGone, SignInRefused, Stopped
from bulkseg.gateway import Gateway
from bulkseg.health import Health
from bulkseg.job import Count
from bulkseg.model import Answer, InDoubt, LoggedOut, Made, NoAnswer, NotSent, Throttled
from bulkseg.observe import Tally
from bulkseg.outcome import MAX_THROTTLED
from bulkseg.pace import Pace
from bulkseg.stop import Stop
from tests.dispatching import Watching, spec
from tests.virtual import VirtualTime

SEGMENT = orjson.dumps({"id": "7", "name": "s 1"})


class NoCeiling:
    async def acquire(self): ...


class Server:
    """Answers with what it is given, in order; signs in again as often as it may, once it is not away."""

    def __init__(self, *replies, renewals=1, away=0):
        self.replies = list(replies)
        self.renewals = renewals
        self.renewed = 0
        self.away = away
        self.knocks = 0

    async def send(self, _spec):
        await asyncio.sleep(0)
        return self.replies.pop(0)

    async def rediscover(self):
        self.knocks += 1
        if self.knocks <= self.away:
            raise ServerGone("nobody at the login")
        self.renewed += 1
        if self.renewed > self.renewals:
            raise SignInRefused("no more")
        return True


class Bench:
    def __init__(self, *replies, **options):
        self.time = VirtualTime()
        self.clock = self.time.clock()
        self.server, self.tally, self.stop, self.watching = (
            Server(*replies, **options),
            Tally(),
            Stop(),
            Watching(),
        )
        self.pace = Pace(1_000, clock=self.clock, hard=NoCeiling())
        self.health = Health(Count(10), 60.0, self.clock)
        self.gateway = Gateway(
            server=self.server,
            pace=self.pace,
            health=self.health,
            observer=self.watching,
            tally=self.tally,
            clock=self.clock,
            stop=self.stop,
        )

    async def send(self):
        return await self.gateway.send(spec(1))

    async def ask(self):
        return await self.gateway.ask(lambda: self.server.send(None))


async def test_a_segment_that_was_made_is_counted_as_sent():
    bench = Bench(Answer(201, SEGMENT))
    assert isinstance(await bench.send(), Made)
    assert (bench.tally.sent, bench.tally.searches) == (1, 0)


async def test_a_429_pauses_the_whole_site_and_is_told_once_a_burst():
    bench = Bench(Answer(429, b"", retry_after=7.0), Answer(429, b""))
    outcomes = await asyncio.gather(bench.send(), bench.send())
    assert [type(one) for one in outcomes] == [Throttled, Throttled]
    assert bench.pace.paused_for >= 7.0
    assert bench.pace.allowed < 1_000
    assert (bench.tally.throttled, bench.watching.notices) == (2, ["throttled"])


async def test_what_is_told_of_an_answer_has_its_request_id():
    bench = Bench(Answer(429, b"", request_id="r-1"), Answer(503, b"", request_id="r-2"))
    await bench.send()
    await bench.send()
    assert bench.watching.notices == ["throttled", "server_silent"]
    assert [told["request_id"] for told in bench.watching.told] == ["r-1", "r-2"]


async def test_a_server_that_takes_no_connections_is_paused_for_and_told_when_it_is_back():
    bench = Bench(NoAnswer(left=False, error="refused"), Answer(201, SEGMENT))
    assert isinstance(await bench.send(), NotSent)
    assert bench.pace.paused_for > 0
    await bench.send()
    assert bench.watching.notices == ["server_silent", "server_back"]


async def test_retry_after_of_a_503_pauses_and_the_spec_is_in_doubt_all_the_same():
    bench = Bench(Answer(503, b"", retry_after=9.0))
    assert isinstance(await bench.send(), InDoubt)
    assert bench.pace.paused_for >= 9.0


async def test_however_many_requests_find_the_sign_in_ended_it_is_made_anew_once():
    bench = Bench(*[Answer(401, b"")] * 5)
    outcomes = await asyncio.gather(*(bench.send() for _ in range(5)))
    assert [type(one) for one in outcomes] == [LoggedOut] * 5
    assert bench.server.renewed == 1
    assert not bench.stop.requested


async def test_where_nobody_answers_at_the_login_the_site_is_paused_and_the_login_asked_once_a_pause():
    bench = Bench(*[Answer(401, b"")] * 6, away=2)
    for tries in (1, 2, 3):
        await asyncio.gather(bench.send(), bench.send())
        assert bench.server.knocks == tries
        assert (bench.pace.paused_for > 0) is (tries < 3)
        bench.time.now += 60.0
    assert (bench.server.renewed, bench.stop.requested) == (1, False)
    assert bench.watching.notices == ["server_silent", "server_silent", "server_back"]


async def test_a_login_that_stays_away_ends_the_asking_after_the_time_to_give_up():
    bench = Bench(*[Answer(401, b"")] * 500, away=500)
    with pytest.raises(Stopped, match="give_up_after"):
        await bench.ask()
    assert 1_060.0 <= bench.time.now < 1_120.0


async def test_a_sign_in_that_is_refused_stops_the_run():
    bench = Bench(Answer(401, b""), renewals=0)
    await bench.send()
    assert isinstance(bench.stop.error, SignInRefused)


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(429, b""),
        Answer(503, b""),
        Answer(401, b""),
        Answer(200, b"{", whole=False),
        NoAnswer(left=True, error="reset"),
        NoAnswer(left=False, error="refused"),
    ],
)
async def test_what_may_be_asked_again_is_asked_until_there_is_an_answer(trouble):
    bench = Bench(trouble, Answer(200, b"[]"))
    assert (await bench.ask()).body == b"[]"
    assert (bench.tally.searches, bench.tally.sent) == (2, 0)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 412])
async def test_whatever_says_something_about_what_was_asked_is_an_answer(status):
    assert (await Bench(Answer(status, b"")).ask()).status == status


async def test_a_server_that_stays_away_ends_the_asking_after_the_time_to_give_up():
    bench = Bench(*[NoAnswer(left=False, error="refused")] * 500)
    with pytest.raises(Stopped, match="give_up_after"):
        await bench.ask()
    assert bench.time.now >= 1_060.0


async def test_a_read_whose_answers_all_break_off_is_given_up_though_other_answers_come():
    bench = Bench(*[Answer(200, b"{", whole=False)] * 500)

    async def broken():
        bench.health.answered()  # something else was answered meanwhile
        return await bench.server.send(None)

    with pytest.raises(ServerGone, match=r"give_up_after.*broke off"):
        await bench.gateway.ask(broken)
    assert 1_060.0 <= bench.time.now < 1_120.0
    assert isinstance(bench.stop.error, ServerGone)


async def test_a_read_whose_answers_break_off_is_told_as_silence():
    bench = Bench(*[Answer(200, b"{", whole=False)] * 2, Answer(200, b"[]"))
    assert (await bench.ask()).body == b"[]"
    assert bench.watching.notices == ["server_silent", "server_back"]


async def test_a_read_that_is_put_off_for_ever_is_given_up():
    bench = Bench(*[Answer(429, b"")] * 500)
    with pytest.raises(ServerGone, match="429"):
        await bench.ask()
    assert bench.tally.searches == MAX_THROTTLED


async def test_a_long_pause_that_the_server_asked_for_is_no_silence():
    bench = Bench(Answer(429, b"", retry_after=900.0), Answer(503, b""), Answer(200, b"[]"))
    assert (await bench.ask()).body == b"[]"


async def test_a_stop_ends_a_wait_that_the_server_asked_for():
    bench = Bench(Answer(200, b"[]"))
    bench.clock = Clock()
    bench.gateway._clock = bench.clock
    bench.gateway._pace = Pace(1_000, clock=bench.clock, hard=NoCeiling())
    bench.gateway._pace.pause(3_600.0, "the server asked to wait")
    asking = asyncio.create_task(bench.ask())
    await asyncio.sleep(0.02)
    bench.stop.request(15)
    with pytest.raises(Stopped, match="SIGTERM"):
        await asyncio.wait_for(asking, 5)
    assert len(bench.server.replies) == 1


async def test_what_is_handed_over_after_a_stop_does_not_leave():
    bench = Bench(Answer(201, SEGMENT))
    bench.stop.fail(SignInRefused("no more"))
    assert isinstance(await bench.send(), NotSent)
    assert (len(bench.server.replies), bench.tally.sent) == (1, 0)


async def test_a_stop_ends_the_asking():
    bench = Bench()
    bench.stop.request(15)
    with pytest.raises(Stopped, match="SIGTERM"):
        await bench.ask()
