"""`init`, as it is called: what it writes, what it asks, and what it leaves alone."""

import pytest

from tests.integration.commands import bulkseg
from tests.integration.terminal import Terminal


@pytest.fixture
def data(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "r.data.csv").write_text("Campaign,Code,Tier\nA,1,x\nB,2,y\n")
    return tmp_path


def test_a_job_is_written_beside_the_data_and_plan_takes_it(data):
    told = bulkseg("init", "in/r.data.csv", cwd=data)
    assert (told.status, told.err) == (0, "")
    assert told.out.splitlines()[-1] == "  bulkseg plan in/r.data.toml"
    assert bulkseg("plan", "in/r.data.toml", "--json", cwd=data).document["specs"] == 2


def test_one_that_is_there_is_not_written_over_unless_that_is_asked(data):
    job = data / "j.toml"
    job.write_text("mine")
    told = bulkseg("init", "in/r.data.csv", "-o", "j.toml", "--yes", cwd=data)
    assert (told.status, job.read_text()) == (2, "mine")
    assert "--force" in told.err
    assert bulkseg("init", "in/r.data.csv", "-o", "j.toml", "--force", cwd=data).status == 0
    assert 'path = "in/r.data.csv"' in job.read_text()


def test_somebody_at_a_terminal_is_asked_and_may_choose(data):
    terminal = Terminal("init", "in/r.data.csv", "-o", "j.toml", cwd=data, site={})
    terminal.until("make the name? [Campaign] ")
    terminal.type("Nonsense\n")
    terminal.until("there is no column Nonsense")
    terminal.type("Campaign, Tier\n")
    terminal.until("make the key (none: the name)? [Code] ")
    terminal.type("\n")
    assert terminal.end() == 0
    job = (data / "j.toml").read_text()
    assert 'name = "{{ Campaign }} {{ Tier }}"' in job
    assert 'key = ["Code"]' in job
