"""Runs that end early, because going on is pointless: exit 3, and what is left stays pending."""

import pytest

from bulkseg.model import State
from bulkseg.sandbox import Settings
from tests.integration.beside import beside, every_row, write_names


def write_job(folder, count, limits):
    write_names(folder / "s.csv", [f"s {number}" for number in range(count)])
    job = folder / "job.toml"
    job.write_text(f'[source]\npath = "s.csv"\n[[segment]]\nname = "{{{{ name }}}}"\n[limits]\n{limits}\n')
    return job


def write_copies(folder, sources):
    job = folder / "copies.csv"
    lines = [f"c {number},{source}" for number, source in enumerate(sources)]
    job.write_text("\n".join(["name,source_id", *lines]) + "\n")
    return job


async def test_answers_of_403_alone_end_the_command_in_words(tmp_path):
    async with beside(tmp_path, Settings(forbid=1_000, record_arrivals=True)) as place:
        ended = await place.run(write_job(tmp_path, 60, 'max_failures = "100%"'))
        assert ended.status == ended.document["exit"] == 3
        assert "403" in ended.document["stopped"]
        assert "administrator" in ended.document["stopped"]
        sent, states = len(place.asked("POST")), ended.document["states"]
        assert sent == states["failed"] < 20
        assert states["pending"] == 60 - sent
        assert len(ended.events("spec_failed")) == sent


async def test_some_403_among_good_answers_are_failures_and_no_stop(tmp_path):
    async with beside(tmp_path, Settings(forbid=4)) as place:
        ended = await place.here(write_job(tmp_path, 20, 'max_failures = "100%"'))
        assert (ended.exit, ended.states[State.FAILED], ended.states[State.CREATED]) == (1, 4, 16)


@pytest.mark.parametrize(
    ("limit", "exit_status"),
    [("3", 3), ("30", 1), ('"10%"', 3), ('"90%"', 1)],
)
async def test_failures_are_counted_against_a_number_or_a_share(tmp_path, limit, exit_status):
    async with beside(tmp_path) as place:
        source = place.sandbox.store.add("source").id
        # One in five fails; a share counts once a hundred answers are in.
        copies = [(99_000 + number) if number % 5 == 0 else source for number in range(150)]
        write_copies(tmp_path, copies)
        job = tmp_path / "job.toml"
        job.write_text(
            '[source]\npath = "copies.csv"\n[[segment]]\naction = "copy"\nsource_id = "{{ source_id }}"\n'
            f'name = "{{{{ name }}}}"\n[limits]\nmax_failures = {limit}\nconcurrency = 2\n'
        )
        ended = await place.here(job)
        assert ended.exit == exit_status
        ends = ended.states[State.CREATED] + ended.states[State.FAILED]
        if exit_status == 1:
            assert ends == 150
            return
        assert "max_failures" in ended.stopped
        assert ended.states[State.PENDING] == 150 - ends > 0
        assert ends >= 100 if "%" in limit else ended.states[State.FAILED] <= 3 + 2 * 2
        assert place.sandbox.store.count() == 1 + ended.states[State.CREATED]


async def test_a_stopped_run_is_gone_on_with_once_the_reason_is_gone(tmp_path):
    async with beside(tmp_path, Settings(forbid=5)) as place:
        job = write_job(tmp_path, 30, 'max_failures = "100%"\nconcurrency = 2')
        first = await place.here(job)
        assert first.exit == 3
        again = await place.here(job, retry_failed=True)
        assert (again.exit, again.states[State.CREATED]) == (0, 30)


async def test_a_sign_in_that_is_refused_costs_one_request_and_makes_no_checkpoint(tmp_path):
    async with beside(tmp_path) as place:
        ended = await place.run(write_job(tmp_path, 3, ""), ELOQUA_PASSWORD="wrong")
        assert ended.status == ended.document["exit"] == 3
        assert place.asked() == ["/id"]
        assert not (tmp_path / "job.checkpoint").exists()


async def test_a_user_who_is_locked_out_in_the_middle_stops_it_with_nothing_in_doubt(tmp_path):
    async with beside(tmp_path, Settings(lock_after=12, record_arrivals=True)) as place:
        ended = await place.run(write_job(tmp_path, 60, "concurrency = 4"))
        states = ended.document["states"]
        assert ended.status == 3
        assert "does not let" in ended.document["stopped"]
        assert states["sending"] == states["unknown"] == states["failed"] == 0
        assert states["created"] == len(place.names()) == 60 - states["pending"]
        assert place.asked().count("/id") <= 2
        assert len(place.asked("POST")) <= 12 + 4


async def test_a_copy_source_that_is_missing_is_asked_for_once_and_each_copy_of_it_fails(tmp_path):
    async with beside(tmp_path) as place:
        source = place.sandbox.store.add("source").id
        sources = [source if number % 4 == 3 else 99_999 for number in range(60)]
        ended = await place.run(write_copies(tmp_path, sources), "--concurrency", "1")
        asked = [path for path in place.asked("POST") if "99999" in path]
        assert (ended.status, len(asked)) == (1, 1)
        failed = [row for row in every_row(tmp_path / "copies.checkpoint") if row.state is State.FAILED]
        assert len(failed) == 45
        assert {row.error for row in failed} == {
            "source_id: segment 99999 does not exist or is not visible to this user"
        }
        assert len(place.names()) == 1 + 15
