"""Reading back: what is gone, what differs, from what was asked for or from what was answered."""

from __future__ import annotations

from typing import Any

import pytest

from bulkseg.eloqua.sites import load_site
from bulkseg.errors import CheckpointError
from bulkseg.readback import Verified, verify
from bulkseg.sandbox import Kept, Settings, environment, serve
from bulkseg.stop import Stop
from tests.checkpoints import opened
from tests.integration.provisioned import Provisioned, provisioned, write_source

MANY = [f"s{number}" for number in range(60)]


async def verified(place: Provisioned, *, job: bool = True, **options: Any) -> Verified:
    chosen: dict[str, Any] = {"stop": Stop(), "observer": place.observer, **options}
    return await verify(place.case(job=job), place.site, **chosen)


def found(findings: list[Any]) -> dict[str, tuple[str, ...]]:
    return {finding.expected.name: finding.what for finding in findings}


@pytest.mark.parametrize("discover", [True, False])
@pytest.mark.parametrize("job", [True, False])
async def test_what_is_as_it_was_made_is_clean_and_the_server_is_only_read(tmp_path, discover, job):
    settings = Settings(record_arrivals=True)
    async with provisioned(tmp_path, MANY, settings, discover=discover) as place:
        place.sandbox.store.arrivals.clear()
        done = await verified(place, job=job)
        methods = {arrival.method for arrival in place.sandbox.store.arrivals}
    assert (done.report.same, done.report.total, done.exit) == (60, 60, 0)
    assert (done.report.pages, done.report.reads) == (1, 0)
    assert done.report.against_spec == (60 if job else 0)
    assert methods == {"GET"}


async def test_a_segment_that_was_deleted_is_gone_and_one_that_was_changed_differs(tmp_path):
    async with provisioned(tmp_path, MANY) as place:
        place.sandbox.store.delete(place.asset("s7"))
        place.change("s8", name="other")
        place.change("s9", rest={})
        done = await verified(place)
    assert list(found(done.report.gone)) == ["s7"]
    assert found(done.report.differs) == {
        "s8": ('name: asked for "s8", the server has "other"',),
        "s9": ("elements: asked for 1 of them, the server has none",),
    }
    assert (done.report.same, done.exit) == (57, 1)


async def test_without_its_job_a_segment_is_compared_with_what_was_answered(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        place.change("a", rest={}, updated_by=77)
        done = await verified(place, job=False)
    assert "last changed by user 77" in found(done.report.differs)["a"][0]
    assert done.note is not None
    assert done.exit == 1


async def test_a_spec_that_the_source_makes_otherwise_now_is_compared_with_what_was_answered(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        source = place.job.path
        source.write_text(source.read_text().replace('""value"": ""b""', '""value"": ""B""'))
        done = await verified(place)
    assert (done.report.against_spec, done.report.same, done.exit) == (2, 3, 0)


async def test_a_source_that_is_gone_is_told_and_what_was_answered_counts(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        place.job.path.unlink()
        done = await verified(place)
    assert (done.report.against_spec, done.report.same, done.exit) == (0, 3, 0)
    assert done.note is not None
    assert "cannot be read any more" in done.note


async def test_a_wrong_row_does_not_keep_the_others_from_being_compared_with_their_specs(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        write_source(place.job.path, ["a", " blank", "c"])
        done = await verified(place)
    assert (done.report.against_spec, done.report.same) == (2, 3)


async def test_what_the_server_did_not_honour_is_told(tmp_path):
    source = tmp_path / "folders.csv"
    source.write_text("name,folderId\na,7\n")
    async with provisioned(tmp_path, "x", Settings(folder=Kept.IGNORED), accept_warnings=True) as place:
        source.replace(place.job.path)
        await place.run(accept_warnings=True)
        done = await verified(place)
    assert found(done.report.differs) == {"a": ("folderId: asked for 7, the server has 1",)}


async def test_a_copy_whose_inside_was_changed_differs_though_its_body_asked_for_no_more_than_a_name(
    tmp_path,
):
    async with provisioned(tmp_path, "x") as place:
        place.job.path.write_text(f"name,source_id\ncopy,{place.asset('x').id}\n")
        await place.run()
        assert (await verified(place)).exit == 0
        place.change("copy", rest={})
        done = await verified(place)
    assert list(found(done.report.differs)) == ["copy"]


async def test_segments_that_are_not_listed_yet_are_read_by_their_ids(tmp_path):
    async with provisioned(tmp_path, MANY, Settings(search_lag=60.0), if_exists="ignore") as place:
        done = await verified(place)
    assert (done.report.same, done.report.reads, done.exit) == (60, 60, 0)


async def test_another_site_is_refused_and_not_read(tmp_path):
    async with (
        provisioned(tmp_path, "abc") as place,
        serve(Settings(site_id="2000", record_arrivals=True)) as other,
    ):
        variables = environment(other.url)
        del variables["ELOQUA_BASE_URL"]
        with pytest.raises(CheckpointError, match="belongs to the site 1000, and this is 2000"):
            await verify(place.case(), load_site(None, variables), observer=place.observer, stop=Stop())
        assert [arrival.path for arrival in other.store.arrivals] == ["/id"]


async def test_it_may_be_asked_while_a_run_holds_the_checkpoint(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        with opened(place.job.checkpoint, job=place.job.name):
            assert (await verified(place)).exit == 0


async def test_with_nothing_created_nobody_is_asked(tmp_path):
    async with provisioned(tmp_path, "a", Settings(forbid=1, record_arrivals=True)) as place:
        place.sandbox.store.arrivals.clear()
        done = await verified(place)
        assert place.sandbox.store.arrivals == []
    assert (done.report.total, done.exit) == (0, 0)


async def test_a_stop_ends_it_and_tells_what_was_found(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        stop = Stop()
        stop.request(15)
        done = await verified(place, stop=stop, job=False)
    assert (done.exit, done.stopped, done.report.done) == (143, "stopped by SIGTERM", 0)
