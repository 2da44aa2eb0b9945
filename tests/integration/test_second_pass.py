"""A source that has not changed is not read and checked again, and one that has is."""

import pytest

from bulkseg import planning
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, run
from bulkseg.stop import Stop
from tests.integration.provisioned import provisioned, write_source


@pytest.fixture
def surveys(monkeypatch):
    """How often pass 1 has been made."""
    made = []
    survey = planning.survey

    def counted(*arguments, **named):
        made.append(1)
        return survey(*arguments, **named)

    monkeypatch.setattr(planning, "survey", counted)
    return made


async def test_an_unchanged_job_is_gone_on_with_without_another_first_pass(tmp_path, surveys):
    async with provisioned(tmp_path, [f"s {n}" for n in range(8)], limit=3) as made:
        surveys.clear()
        summary = await made.run()
        assert surveys == []
        assert (summary.rows, summary.specs, summary.states[State.CREATED]) == (8, 8, 8)
        assert made.sandbox.store.count() == 8


async def test_a_changed_source_is_read_and_checked_again(tmp_path, surveys):
    async with provisioned(tmp_path, ["one", "two"]) as made:
        surveys.clear()
        write_source(made.job.path, ["one", "two", "three"])
        summary = await made.run()
        assert surveys == [1]
        assert summary.states[State.CREATED] == 3


async def test_another_version_reads_the_source_again(tmp_path, surveys, monkeypatch):
    async with provisioned(tmp_path, ["one"]) as made:
        surveys.clear()
        monkeypatch.setattr(planning, "version", lambda: "another")
        await made.run()
        assert surveys == [1]


async def test_what_has_changed_under_a_created_key_is_told_as_often_as_the_job_is_run(tmp_path):
    async with provisioned(tmp_path, ["one"]) as made:
        made.job.path.write_text("name,description\none,otherwise\n")
        plans = []

        async def look(plan, _identity):
            plans.append((plan.changed_total, plan.to_send, plan.done))
            return True

        for _ in range(2):
            await run(made.job, RunOptions(), made.site, observer=made.observer, stop=Stop(), confirm=look)
        assert plans == [(1, 0, 1), (1, 0, 1)]
