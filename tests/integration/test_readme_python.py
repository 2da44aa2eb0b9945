"""The README's chapter "From Python" is true: its cells run as they stand there, its tasks do as is said."""

import json
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

import bulkseg
from bulkseg import CheckpointBusy
from tests.integration.commands import finish, held, sandbox, script
from tests.integration.test_readme import README, marked

CHAPTER = README[README.index("## From Python") : README.index("## The commands")]

# A notebook, as IPython runs one: each cell may await, and all of them share their names and their loop.
NOTEBOOK = """
import ast, asyncio, inspect, json

async def notebook(cells):
    names = {}
    for cell in cells:
        code = compile(cell, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        ended = eval(code, names)
        if inspect.iscoroutine(ended):
            await ended

asyncio.run(notebook(json.loads(CELLS)))
"""


@pytest.fixture
def folder(tmp_path):
    """What a reader has written by then."""
    for name, text in marked("file"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def site(folder, monkeypatch):
    """A sandbox that the environment leads to."""
    with sandbox(cwd=folder) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield variables


def test_the_cells_of_the_notebook_print_what_is_shown(folder, site):
    cells = [text for _, text in marked("cell")]
    ((_, shown),) = marked("printed")
    program = NOTEBOOK.replace("CELLS", repr(json.dumps(cells)))
    ended = finish(script(program, cwd=folder, site=site))
    assert (ended.out, ended.err, ended.status) == (shown, "", 0)
    assert len(held(site)) == 4


def test_every_public_name_is_told():
    assert [name for name in bulkseg.__all__ if not re.search(rf"`[^`]*\b{name}\b", CHAPTER)] == []


# --- Airflow and Dagster --------------------------------------------------------------------------------


class Failed(Exception):
    """What a scheduler's own exception is here."""

    def __init__(self, why, **_):
        super().__init__(why)


def module(**names):
    made = ModuleType("scheduler")
    vars(made).update(names)
    return made


def as_it_is(function):
    return function


AIRFLOW = {
    "airflow": module(),
    "airflow.sdk": module(task=as_it_is),
    "airflow.sdk.exceptions": module(AirflowFailException=Failed),
}
DAGSTER = {
    "dagster": module(AssetExecutionContext=None, Failure=Failed, MaterializeResult=dict, asset=as_it_is)
}
CONTEXT = SimpleNamespace(log=SimpleNamespace(info=lambda _: None))


@pytest.fixture
def shown(folder, monkeypatch):
    """Gives the names of a program that is shown, its job in the reader's folder."""

    def load(which, modules):
        for name, stand_in in modules.items():
            monkeypatch.setitem(sys.modules, name, stand_in)
        (text,) = (text for what, text in marked("program") if what == which)
        names = {}
        exec(text.replace("/var/lib/bulkseg", str(folder)), names)  # noqa: S102  # it is our own README
        return names

    return load


def spoil(folder):
    """Makes the job one whose only segment fails: a copy of what is not there."""
    job = folder / "nightly.toml"
    copy = '[[segment]]\naction = "copy"\nsource_id = "999"'
    job.write_text(job.read_text().replace("[[segment]]", copy))
    (folder / "nightly.csv").write_text("code,name\nN-3,one more\n")


@pytest.mark.usefixtures("site")
def test_the_task_for_airflow_ends_well_and_fails_where_a_spec_does(folder, shown):
    task = shown("airflow", AIRFLOW)["make_segments"]
    assert task()["states"]["created"] == 2
    spoil(folder)
    with pytest.raises(Failed, match="some failed"):
        task()


@pytest.mark.usefixtures("site")
def test_the_asset_for_dagster_does_too(folder, shown):
    asset = shown("dagster", DAGSTER)["segments"]
    assert asset(CONTEXT)["metadata"]["states"]["created"] == 2
    spoil(folder)
    with pytest.raises(Failed, match="some failed"):
        asset(CONTEXT)


@pytest.mark.usefixtures("site")
def test_the_task_is_tried_again_only_where_that_may_help(folder, shown, monkeypatch):
    task = shown("airflow", AIRFLOW)["make_segments"]
    many = "".join(f"N-{number},number {number}\n" for number in range(100))
    (folder / "nightly.csv").write_text(f"code,name\n{many}")
    with pytest.raises(CheckpointBusy):
        bulkseg.run_sync(folder / "nightly.toml", on_event=lambda _: task())
    monkeypatch.setenv("ELOQUA_PASSWORD", "wrong")
    monkeypatch.delenv("ELOQUA_BASE_URL")
    with pytest.raises(Failed, match="sign-in refused"):
        task()
