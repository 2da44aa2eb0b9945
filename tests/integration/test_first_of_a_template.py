"""The canary: the first segment of a template goes alone, and a wrong one stops the run."""

from contextlib import asynccontextmanager

import pytest

from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.sandbox import Settings, environment, serve
from bulkseg.sandbox.settings import Kept, Wins
from tests.integration.provisioned import ELEMENTS, Provisioned, Quiet, provisioned


@asynccontextmanager
async def foldered(folder, settings, count=5):
    """A sandbox, and a job of so many specs that ask for a folder; nothing has run yet."""
    source = folder / "s.csv"
    source.write_text("\n".join(["name,folderId", *(f"s {number},7" for number in range(count))]) + "\n")
    async with serve(settings) as sandbox:
        variables = environment(sandbox.url)
        del variables["ELOQUA_BASE_URL"]
        yield Provisioned(sandbox, load_site(None, variables), load_job(source), Quiet())


IGNORES_FOLDERS = Settings(folder=Kept.IGNORED)


async def test_a_folder_that_is_not_honoured_stops_the_run_after_one_segment(tmp_path):
    async with foldered(tmp_path, IGNORES_FOLDERS) as made:
        summary = await made.run()
        assert summary.exit == 3
        assert "folderId" in summary.stopped
        assert made.sandbox.store.count() == 1
        assert summary.states[State.PENDING] == 4


@pytest.mark.parametrize("option", [{"accept_warnings": True}, {"canary": False}])
async def test_the_run_goes_on_when_it_is_told_to(tmp_path, option):
    async with foldered(tmp_path, IGNORES_FOLDERS) as made:
        summary = await made.run(**option)
        assert (summary.exit, summary.states[State.CREATED]) == (0, 5)
        assert all("folderId" in row.warning for row in made.rows(State.CREATED))


async def test_after_a_stop_the_same_job_goes_on_with_accepted_warnings(tmp_path):
    async with foldered(tmp_path, IGNORES_FOLDERS) as made:
        await made.run()
        summary = await made.run(accept_warnings=True)
        assert (summary.exit, made.sandbox.store.count()) == (0, 5)


async def test_a_copy_that_gets_another_name_stops_the_run_after_one(tmp_path):
    async with provisioned(tmp_path, ["source"], Settings(copy_name=Wins.SOURCE)) as made:
        job = tmp_path / "copies.csv"
        job.write_text(
            f"name,source_id\nx,{made.row('source').segment_id}\ny,{made.row('source').segment_id}\n"
        )
        copies = Provisioned(made.sandbox, made.site, load_job(job), made.observer)
        summary = await copies.run()
        assert summary.exit == 3
        assert "name" in summary.stopped
        assert made.sandbox.store.count() == 2


async def test_elements_that_differ_are_a_warning_and_no_stop(tmp_path):
    async with provisioned(tmp_path, ["source"], Settings(copy_elements=Wins.SOURCE)) as made:
        job = tmp_path / "copies.csv"
        elements = (" ".join(ELEMENTS.split()) % "other").replace('"', '""')
        job.write_text(f'name,source_id,elements\nx,{made.row("source").segment_id},"{elements}"\n')
        copies = Provisioned(made.sandbox, made.site, load_job(job), made.observer)
        assert (await copies.run()).exit == 0
        assert "elements" in copies.row("x").warning


async def test_one_canary_a_template_and_the_rest_only_after_it(tmp_path):
    async with foldered(tmp_path, Settings(record_arrivals=True), 30) as made:
        await made.run(concurrency=16)
        posts = [arrival for arrival in made.sandbox.store.arrivals if arrival.method == "POST"]
        reads = [arrival for arrival in made.sandbox.store.arrivals if "segment/" in arrival.path.lower()]
        assert len(posts) == 30
        assert posts[0].at < reads[0].at < posts[1].at
