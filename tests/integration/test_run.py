"""A whole run as the server sees it: what arrives, how fast, and that nothing arrives twice."""

from collections import Counter

from bulkseg.checkpoint import read
from bulkseg.model import State
from bulkseg.sandbox import Settings
from tests.integration.provisioned import provisioned


def most_in_a_second(arrivals):
    """The most requests that arrived within any second."""
    times = [arrival.at for arrival in arrivals]
    return max(sum(start <= at < start + 1.0 for at in times) for start in times)


async def test_each_segment_is_asked_for_once_and_the_same_run_again_asks_for_none(tmp_path):
    names = [f"s {number}" for number in range(120)]
    async with provisioned(tmp_path, names, Settings(record_arrivals=True), concurrency=16) as place:
        arrivals = place.sandbox.store.arrivals
        assert sum(arrival.method == "POST" for arrival in arrivals) == 120
        server = {str(asset.id): asset.name for asset in place.sandbox.store.segments()}
        assert {row.segment_id: row.name for row in place.rows()} == server
        arrivals.clear()
        again = await place.run()
        assert [arrival.path for arrival in arrivals] == ["/id"]
        assert (again.exit, again.requests.sent, again.states[State.CREATED]) == (0, 0, 120)


async def test_no_more_arrive_in_any_second_than_the_rate_allows_whatever_they_are(tmp_path):
    settings = Settings(record_arrivals=True, latency=0.02)
    async with provisioned(tmp_path, [f"s {number}" for number in range(90)], settings, rate=40.0) as place:
        asked = [arrival for arrival in place.sandbox.store.arrivals if arrival.path != "/id"]
        assert len(asked) > 90
        # Some more than the rate: what a busy machine may hold back and let go at once.
        assert most_in_a_second(asked) <= 46


async def test_a_server_that_bears_less_than_the_rate_fails_nothing_and_gets_everything_once(tmp_path):
    names = [f"s {number}" for number in range(150)]
    async with provisioned(tmp_path, names, Settings(rate=40), rate=200.0) as place:
        rows = place.rows()
        assert {row.state for row in rows} == {State.CREATED}
        assert {row.attempts for row in rows} == {1}
        assert Counter(place.names()) == Counter(names)
        with read(place.job.checkpoint) as reader:
            (first,) = reader.runs()
        assert first.summary["requests"]["throttled"] > 0
        assert first.summary["exit"] == 0
