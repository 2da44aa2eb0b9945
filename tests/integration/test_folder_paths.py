"""Folders that a job names by path: found, made where asked for, else told before all."""

from contextlib import asynccontextmanager

import pytest

from bulkseg.eloqua.sites import load_site
from bulkseg.errors import InputError
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.readback import verify
from bulkseg.sandbox import Settings, environment, parse_fault, serve
from bulkseg.stop import Stop
from tests.integration.provisioned import Provisioned, Quiet

ROWS = [("a", "EMEA"), ("b", "APAC"), ("c", "EMEA")]


@asynccontextmanager
async def foldered(folder, settings=None, path="Nightly/{{ region }}", more=""):
    """A job whose segments lie in two folders; nothing has run yet."""
    write(folder, path, more)
    async with serve(settings or Settings(record_arrivals=True)) as sandbox:
        variables = environment(sandbox.url)
        del variables["ELOQUA_BASE_URL"]
        yield Provisioned(sandbox, load_site(None, variables), load_job(folder / "job.toml"), Quiet())


def write(folder, path="Nightly/{{ region }}", more="", rows=ROWS):
    (folder / "s.csv").write_text("\n".join(["name,region", *map(",".join, rows)]) + "\n")
    (folder / "job.toml").write_text(
        f'[source]\npath = "s.csv"\n[defaults]\nfolder = "{path}"\n'
        f'[[segment]]\nname = "{{{{ name }}}}"\n{more}'
        '[limits]\nrate = 500\nsettle = "200ms"\n'
    )


def make_folder(place, name, parent=1):
    return place.sandbox.store.add(name, kind="Folder", folder_id=parent).id


def folders(place):
    """The folders besides the root, as (name, parent)."""
    listed = [place.sandbox.store.get(number, "Folder") for number in range(2, 60)]
    return [(one.name, one.folder_id) for one in listed if one is not None]


def asked(place, method):
    return [
        one.path.rpartition("/contact")[2].lower()
        for one in place.sandbox.store.arrivals
        if one.method == method
    ]


def where(place):
    return {asset.name: asset.folder_id for asset in place.sandbox.store.segments()}


async def test_segments_lie_in_the_folders_of_their_paths_which_are_listed_once(tmp_path):
    async with foldered(tmp_path) as place:
        nightly = make_folder(place, "Nightly")
        make_folder(place, "EMEA")  # of that name, and not of that path
        emea, apac = make_folder(place, "EMEA", nightly), make_folder(place, "APAC", nightly)
        summary = await place.run()
        assert (summary.exit, where(place)) == (0, {"a": emea, "b": apac, "c": emea})
        assert {row.warning for row in place.rows()} == {None}
        assert asked(place, "GET").count("/segment/folders") == 1


async def test_a_missing_folder_is_named_with_its_row_before_anything_is_sent(tmp_path):
    async with foldered(tmp_path) as place:
        make_folder(place, "EMEA", make_folder(place, "Nightly"))
        with pytest.raises(InputError) as error:
            await place.run()
        (problem,) = error.value.problems
        assert (problem.line, problem.column) == (3, "folder")
        assert '"Nightly/APAC": there is no such folder' in problem.what
        assert error.value.exit_status == 2
        assert (asked(place, "POST"), place.sandbox.store.count()) == ([], 0)
        assert all(row.state is State.PENDING for row in place.rows())


async def test_missing_folders_are_made_once_and_found_by_the_next_run(tmp_path):
    async with foldered(tmp_path) as place:
        assert (await place.run(make_folders=True)).exit == 0
        assert sorted(name for name, _ in folders(place)) == ["APAC", "EMEA", "Nightly"]
        assert asked(place, "POST").count("/segment/folder") == 3
        write(tmp_path, rows=[*ROWS, ("d", "APAC")])
        assert (await place.run(make_folders=True)).exit == 0
        assert len(folders(place)) == 3
        assert where(place)["d"] == where(place)["b"] != 1


async def test_a_job_that_is_done_asks_for_no_folder(tmp_path):
    async with foldered(tmp_path) as place:
        await place.run(make_folders=True)
        place.sandbox.store.arrivals.clear()
        assert (await place.run()).exit == 0
        assert "/segment/folders" not in asked(place, "GET")


async def test_only_folders_of_what_is_still_to_be_sent_have_to_be_there(tmp_path):
    async with foldered(tmp_path) as place:
        await place.run(make_folders=True)
        gone = place.sandbox.store.get(where(place)["b"], "Folder")
        place.sandbox.store.delete(gone)
        write(tmp_path, rows=[*ROWS, ("d", "EMEA")])
        assert (await place.run()).exit == 0


async def test_a_folder_that_was_made_anew_with_another_id_changes_no_spec(tmp_path):
    async with foldered(tmp_path, path="Nightly") as place:
        old = make_folder(place, "Nightly")
        await place.run()
        place.sandbox.store.delete(place.sandbox.store.get(old, "Folder"))
        new = make_folder(place, "Nightly")
        write(tmp_path, path="Nightly", rows=[*ROWS, ("d", "EMEA")])
        summary = await place.run()
        assert (summary.exit, summary.requests.sent) == (0, 1)
        assert where(place) == {"a": old, "b": old, "c": old, "d": new}


async def test_a_doubt_goes_on_in_the_folder_of_its_path(tmp_path):
    settings = Settings(faults=(parse_fault("cut:2"), parse_fault("lost:3")), record_arrivals=True)
    async with foldered(tmp_path, settings) as place:
        summary = await place.run(make_folders=True, canary=False)
        assert (summary.exit, len(place.names())) == (0, 3)
        assert 1 not in where(place).values()


async def test_verify_looks_where_a_path_leads_to(tmp_path):
    async with foldered(tmp_path, path="Nightly") as place:
        nightly = make_folder(place, "Nightly")
        await place.run()
        assert (await checked(place)).exit == 0
        place.sandbox.store.delete(place.sandbox.store.get(nightly, "Folder"))
        other = make_folder(place, "Nightly")
        found = await checked(place)
        assert found.report.differs[0].what == (f"folderId: asked for {other}, the server has {nightly}",)
        place.sandbox.store.delete(place.sandbox.store.get(other, "Folder"))
        found = await checked(place)
        assert found.report.differs[0].what == ('folder: asked for "Nightly", the server has none',)


async def checked(place):
    return await verify(place.case(), place.site, observer=place.observer, stop=Stop())


async def test_more_than_a_page_of_folders_is_read_to_its_end(tmp_path):
    async with foldered(tmp_path, path="Last") as place:
        for number in range(1_000):
            make_folder(place, f"F {number}")
        last = make_folder(place, "Last")
        assert (await place.run()).exit == 0
        assert set(where(place).values()) == {last}
        assert asked(place, "GET").count("/segment/folders") == 2


async def test_a_limited_run_finds_the_folders_of_its_canaries_too(tmp_path):
    more = 'template = "x"\n[[segment]]\ntemplate = "y"\nname = "y {{ name }}"\nwhen = "region == \'APAC\'"\n'
    async with foldered(tmp_path, more=more) as place:
        assert (await place.run(make_folders=True, limit=2)).exit == 0
        assert len(place.names()) == 2
