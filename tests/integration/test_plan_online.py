"""`plan --online`: what a run would meet at the site, told without writing anything anywhere."""

import hashlib

import pytest

from bulkseg.sandbox import Settings
from tests.integration.beside import beside, rows, states

RECORDING = Settings(record_arrivals=True)


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path.name


def bare(folder, *names):
    return write(folder / "s.csv", "name", *names)


async def look(place, *arguments, status):
    ended = await place.command("plan", *arguments, "--online", "--json")
    assert ended.status == status, ended.err
    assert ended.document["exit"] == status
    return ended.document


def fingerprint(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*checkpoint*")}


async def test_nothing_is_written_to_the_server_or_beside_the_job(tmp_path):
    async with beside(tmp_path, RECORDING) as place:
        found = await look(place, bare(tmp_path, "a", "b"), status=0)
        assert (found["to_send"], found["online"]["to_send"], found["online"]["segments"]) == (2, 2, 0)
        assert found["online"]["user"] == "demo"
        assert {one.method for one in place.sandbox.store.arrivals} == {"GET"}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["s.csv"]


@pytest.mark.parametrize(
    ("policy", "state", "status", "left"),
    [("fail", "failed", 1, 1), ("skip", "skipped", 0, 1), ("adopt", "adopted", 0, 1), ("ignore", None, 0, 2)],
)
async def test_a_name_that_stands_is_told_as_a_run_would_take_it(tmp_path, policy, state, status, left):
    async with beside(tmp_path, RECORDING) as place:
        place.sandbox.store.add("B", created_by=77)
        job = bare(tmp_path, "a", "b")
        found = (await look(place, job, "--if-exists", policy, status=status))["online"]
        assert found["exists"] == ({state: 1} if state else {})
        assert [one["name"] for one in found["first"]] == (["b"] if state else [])
        assert found["to_send"] == left
        ended = await place.run(job, "--if-exists", policy)
        told = {name: str(one) for name, one in states(tmp_path / "s.checkpoint").items()}
        assert told == {"a": "created", "b": state or "created"}
        assert ended.status == status


async def test_of_a_checkpoint_only_what_is_still_to_be_sent_is_looked_at_and_it_stays_as_it_is(tmp_path):
    async with beside(tmp_path, RECORDING) as place:
        job = bare(tmp_path, "a", "b")
        await place.run(job)
        write(tmp_path / "s.csv", "name,key", "b,", "c,", "a,x")
        before = fingerprint(tmp_path)
        found = (await look(place, job, status=1))["online"]
        assert (found["exists"], found["to_send"]) == ({"failed": 1}, 1)
        assert "belongs to another key of this checkpoint" in found["first"][0]["why"]
        assert fingerprint(tmp_path) == before
        assert set(rows(tmp_path / "s.checkpoint")) == {"a", "b"}


async def test_copy_sources_that_do_not_exist_are_told_with_how_many_name_them(tmp_path):
    async with beside(tmp_path, Settings(record_arrivals=True, search_lag=60.0)) as place:
        there = place.sandbox.store.add("source", listed_after=60.0).id
        lines = ["name,source_id", f"a,{there}", "b,999", "c,999"]
        found = (await look(place, write(tmp_path / "s.csv", *lines), status=1))["online"]
        (missing,) = found["missing_sources"]
        assert (missing["source_id"], missing["specs"], missing["key"]) == ("999", 2, '["segment","b"]')
        assert "does not exist" in missing["why"]
        assert found["to_send"] == 1
        # The one that is not listed yet and the one that is missing are asked for once each.
        assert len([path for path in place.asked("GET") if "/segment/" in path.lower()]) == 2


async def test_folders_that_do_not_exist_are_told_unless_they_are_to_be_made(tmp_path):
    job = write(
        tmp_path / "job.toml",
        '[source]\npath = "s.csv"\n[[segment]]\nname = "{{ name }}"\nfolder = "Nightly/{{ where }}"',
    )
    write(tmp_path / "s.csv", "name,where", "a,EMEA", "b,APAC", "c,APAC")
    async with beside(tmp_path, RECORDING) as place:
        nightly = place.sandbox.store.add("Nightly", kind="Folder").id
        place.sandbox.store.add("EMEA", kind="Folder", folder_id=nightly)
        found = (await look(place, job, status=1))["online"]
        (problem,) = found["folders"]
        assert problem.startswith('s.csv:3: folder: "Nightly/APAC": there is no such folder')
        assert (await look(place, job, "--make-folders", status=0))["online"]["to_send"] == 3
        assert place.asked("POST") == []


async def test_people_are_told_the_same_in_words(tmp_path):
    async with beside(tmp_path, RECORDING) as place:
        place.sandbox.store.add("b", created_by=77)
        ended = await place.command(
            "plan", write(tmp_path / "s.csv", "name,source_id", "a,", "b,", "c,999"), "--online"
        )
        assert ended.status == 1
        for words in (
            "1 segments stand there",
            "s.csv:3",
            "exists already (id 2)",
            "copies of 999",
            "would be made",
        ):
            assert words in ended.out


@pytest.mark.parametrize(
    ("header", "variables", "status"),
    [("nmae", {}, 2), ("name", {"ELOQUA_PASSWORD": "wrong"}, 3), ("name", {"ELOQUA_PASSWORD": ""}, 2)],
)
async def test_a_wrong_job_is_2_and_a_wrong_password_3(tmp_path, header, variables, status):
    job = write(tmp_path / "s.csv", header, "a")
    async with beside(tmp_path, RECORDING) as place:
        ended = await place.command("plan", job, "--online", "--json", **variables)
        assert ended.status == ended.document["exit"] == status


async def test_a_checkpoint_of_another_site_is_refused(tmp_path):
    job = bare(tmp_path, "a")
    async with beside(tmp_path) as place, beside(tmp_path, Settings(site_id="2000")) as other:
        await place.run(job)
        ended = await other.command("plan", job, "--online")
        assert (ended.status, "belongs to the site 1000" in ended.err) == (2, True)
