"""The Makefile: sets up .venv once, from the pins alone, and says in words which Python is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = "-m pip --disable-pip-version-check -qq install"
USUAL = ("python3", "python3.14", "python3.13", "python3.12", "python3.11")

pytestmark = pytest.mark.needs("make")

# A Python that only plays one: it answers the questions of .ci/venv and writes down what it is asked to do.
PRETENDED = """#!/bin/sh
case "$*" in
    *version_info*) echo {version} ;;
    *"import venv"*) exit {without_venv} ;;
    --version) echo "Python {version}.0" ;;
    "-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo "$*" >>calls ;;
    *) echo "$*" >>calls ;;
esac
"""


class Checkout:
    """A folder with what `make` needs, and Pythons that pretend."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "pyproject.toml", ".ci", "requirements"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        (folder / "bin").mkdir()

    def python(self, name: str, version: str, *, without_venv: bool = False) -> None:
        program = self.folder / "bin" / name
        program.write_text(PRETENDED.format(version=version, without_venv=int(without_venv)))
        program.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # `make test` hands its own settings on to any make below it.
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
        }
        inherited.pop("PYTHON", None)
        environ = {**inherited, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        command = ["make", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False, timeout=30
        )

    def calls(self) -> list[str]:
        """What the Pythons were asked to do since the last look."""
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout) -> Checkout:
    """One that has its .venv."""
    for name in USUAL:
        checkout.python(name, "3.12")
    assert checkout.make("test").returncode == 0
    return checkout


def test_make_alone_names_every_target(checkout):
    shown = checkout.make().stdout
    for target in ("demo", "test", "lint", "bench", "torture", "requirements", "clean"):
        assert f"make {target} " in shown
    assert checkout.calls() == []


def test_the_environment_is_made_from_hashed_wheels_and_the_project_without_fetching(ready):
    assert ready.calls() == [
        "-m venv --clear .venv",
        f"{PIP} --require-hashes --only-binary :all: -r requirements/dev.txt",
        f"{PIP} --no-deps --no-build-isolation -e .",
        "-m pytest -n 4 --dist loadfile --no-loadscope-reorder",
    ]


def test_a_second_call_reuses_the_environment(ready):
    ready.calls()
    assert ".ci/venv" not in ready.make("-n", "test").stdout
    assert ready.make("demo").returncode == 0
    assert ready.calls() == ["-m bulkseg demo"]


@pytest.mark.parametrize("file", ["requirements/dev.txt", "pyproject.toml"])
def test_a_change_of_the_pins_or_the_project_makes_it_anew(ready, file):
    made = (ready.folder / ".venv" / "ready").stat().st_mtime
    os.utime(ready.folder / file, (made + 5, made + 5))
    assert ".ci/venv" in ready.make("-n", "test").stdout


def test_clean_takes_the_environment_and_leaves_checkpoints(ready):
    kept = ready.folder / "nightly.checkpoint"
    kept.touch()
    assert ready.make("clean").returncode == 0
    assert not (ready.folder / ".venv").exists()
    assert kept.exists()


@pytest.mark.parametrize(
    ("version", "without_venv", "words"),
    [
        ("3.8", False, "is Python 3.8: too old"),
        ("2.7", False, "is Python 2.7: too old"),
        (
            "3.12",
            True,
            "has no venv module: Debian and Ubuntu have it as a package, 'apt-get install python3.12-venv'",
        ),
    ],
)
def test_a_python_that_will_not_do_is_refused_in_words(checkout, version, without_venv, words):
    checkout.python("mine", version, without_venv=without_venv)
    refused = checkout.make("test", "PYTHON=mine")
    assert refused.returncode != 0
    assert "bulkseg needs Python 3.11 or later with its venv module" in refused.stderr
    assert f"mine {words}" in refused.stderr
    assert checkout.calls() == []


def test_the_oldest_python_is_the_one_that_pyproject_names():
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest = re.search(r"^oldest_minor=(\d+)", (ROOT / ".ci/venv").read_text(), re.MULTILINE)
    assert oldest
    assert required == f">=3.{oldest[1]}"


def test_a_python_that_is_not_there_is_said_so(checkout):
    assert "nowhere/python is not there" in checkout.make("test", "PYTHON=nowhere/python").stderr


def test_when_no_python_will_do_the_reason_is_given_for_each(checkout):
    for name in USUAL:
        checkout.python(name, "3.10")
    refused = checkout.make("test").stderr
    for name in USUAL:
        assert f"{name} is Python 3.10: too old" in refused
    assert "make PYTHON=" in refused


def test_the_first_python_that_will_do_is_taken(checkout):
    for name in USUAL:
        checkout.python(name, "3.8")
    checkout.python("python3.12", "3.12")
    assert "Setting up .venv with Python 3.12.0" in checkout.make("test").stderr
