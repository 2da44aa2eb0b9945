"""What `from bulkseg import ...` gives: loaded only when asked for, and known to a type checker."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bulkseg
from bulkseg import errors
from bulkseg.errors import BulksegError

ROOT = Path(__file__).parents[2]
HEAVY = {"pandas", "aiohttp", "pydantic", "pyarrow", "asyncio", "rich", "jinja2"}

PROGRAM = """
import asyncio
from bulkseg import Event, Job, RunOptions, Summary, load_site, plan, results_frame, run, run_sync, start

def tell(event: Event) -> None:
    print(event.name, event.fields["job"])

async def main(job: Job) -> Summary:
    async with start(job, options=RunOptions(rate=5), site=load_site("acme")) as ongoing:
        async for event in ongoing:
            tell(event)
    return await run("segments.csv", on_event=tell)

count: int = plan("segments.csv").to_send
status: int = run_sync("segments.csv", options=RunOptions(limit=3)).exit
asyncio.run(main(Job.load("nightly.toml", vars={"quarter": "Q1"})))
print(results_frame("segments.csv", states=["failed"]).segment_id)
"""


def test_every_name_is_there_and_shown():
    assert sorted(bulkseg.__all__) == list(bulkseg.__all__)
    assert all(hasattr(bulkseg, name) for name in bulkseg.__all__)
    assert set(bulkseg.__all__) <= set(dir(bulkseg))
    with pytest.raises(AttributeError, match="no attribute 'Jobs'"):
        _ = bulkseg.Jobs


def test_every_error_is_among_them():
    classes = [one for one in vars(errors).values() if isinstance(one, type)]
    tree = {one.__name__ for one in classes if issubclass(one, BulksegError)}
    assert tree <= set(bulkseg.__all__)


def test_no_name_is_that_of_a_module_which_would_take_its_place_once_loaded():
    modules = {module.name for module in pkgutil.iter_modules(bulkseg.__path__)}
    assert modules.isdisjoint(bulkseg.__all__)
    importlib.import_module("bulkseg.results")
    assert callable(bulkseg.results_frame)


@pytest.mark.parametrize(
    ("code", "heavy"), [("import bulkseg", HEAVY), ("from bulkseg import plan, run", {"pandas", "pyarrow"})]
)
def test_nothing_is_loaded_before_it_is_asked_for(code, heavy):
    tell = f"import sys; {code}; print(sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", tell], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def types_of(program, folder):
    (folder / "program.py").write_text(program)
    # By the settings of `make lint`, and with its cache: without one this takes four seconds.
    command = [sys.executable, "-m", "mypy", str(folder / "program.py")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_a_program_that_uses_it_is_checked_by_its_types(tmp_path):
    assert types_of(PROGRAM, tmp_path) == "Success: no issues found in 1 source file\n"
    wrong = PROGRAM.replace("RunOptions(rate=5)", 'RunOptions(rate="5")').replace("load_site,", "site,")
    said = types_of(wrong, tmp_path)
    assert 'incompatible type "str"' in said
    assert 'has no attribute "site"' in said
