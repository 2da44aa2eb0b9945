"""What stood there before a run goes to disk page by page, and is a list only once it is whole."""

from collections.abc import Set as AbstractSet
from datetime import date

from bulkseg.checkpoint import open_checkpoint
from bulkseg.clock import Clock
from bulkseg.evidence import Evidence
from bulkseg.listing import Stock, sighting


def page(*ids):
    return [sighting({"id": one, "name": f"Name  {one}"}) for one in ids]


async def test_each_segment_counts_once_and_the_list_only_when_it_is_sealed(tmp_path):
    with open_checkpoint(tmp_path / "x.checkpoint", job="x", now=1.0) as checkpoint:
        run = checkpoint.begin_run(1.0, date(2026, 1, 2))
        stock = Stock(checkpoint, run)
        await stock.clear()
        assert [await stock.put(page("1", "2")), await stock.put(page("2", "3"))] == [2, 3]
        assert await stock.put([]) == 3
        assert checkpoint.facts.stood(run, ["1"]) is None
        await stock.seal()
        assert sorted(checkpoint.facts.stood(run, ["1", "3", "4"])) == ["1", "3"]


async def test_a_list_that_is_read_anew_keeps_nothing_of_the_first_reading(tmp_path):
    with open_checkpoint(tmp_path / "x.checkpoint", job="x", now=1.0) as checkpoint:
        run = checkpoint.begin_run(1.0, date(2026, 1, 2))
        stock = Stock(checkpoint, run)
        await stock.put(page("1", "2"))
        await stock.clear()
        assert await stock.put(page("2")) == 1
        await stock.seal()
        assert list(checkpoint.facts.stood(run, ["1", "2"])) == ["2"]


async def test_whether_one_of_thousands_stood_there_is_no_matter_of_looking_through_them_all(tmp_path):
    with open_checkpoint(tmp_path / "x.checkpoint", job="x", now=1.0) as checkpoint:
        run = checkpoint.begin_run(1.0, date(2026, 1, 2))
        stock = Stock(checkpoint, run)
        await stock.put(page("1", "2"))
        await stock.seal()
        known = Evidence(checkpoint.facts, Clock()).known(run, ["1", "2", "3"])
        assert isinstance(known.stood, AbstractSet)
        assert known.stood == {"1", "2"}
