"""The wheel: what somebody gets who installs bulkseg, built from a copy so that nothing lying about helps."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    checkout = tmp_path_factory.mktemp("checkout")
    for file in (ROOT / "pyproject.toml", ROOT / ".gitignore", *ROOT.glob("*.md")):
        shutil.copy(file, checkout)
    for folder in ("bulkseg", "jobs", "tests/project"):
        shutil.copytree(ROOT / folder, checkout / folder)
    # What a run leaves beside its job.
    (checkout / "jobs" / "countries.checkpoint").write_text("somebody's data")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "made"]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (built,) = (checkout / "made").glob("*.whl")
    return zipfile.ZipFile(built)


def test_it_holds_the_package_with_its_types(wheel):
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "bulkseg").rglob("*.py")}
    assert sources <= set(wheel.namelist())
    assert "bulkseg/py.typed" in wheel.namelist()


def test_it_holds_the_example_jobs_that_the_demo_runs(wheel):
    examples = [name for name in wheel.namelist() if name.startswith("bulkseg/examples/")]
    assert {Path(name).suffix for name in examples} >= {".toml", ".csv"}


def test_it_holds_nothing_else(wheel):
    others = [name for name in wheel.namelist() if not name.startswith(("bulkseg/", "bulkseg-"))]
    assert not others
    assert not [
        name for name in wheel.namelist() if "checkpoint" in Path(name).suffix or "__pycache__" in name
    ]


def test_it_installs_the_command(wheel):
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "[console_scripts]\nbulkseg = bulkseg.cli:main\n" in wheel.read(entry_points).decode()


def test_it_says_which_python_it_needs(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
    assert HeaderParser().parsestr(wheel.read(metadata).decode())["Requires-Python"] == ">=3.11"
