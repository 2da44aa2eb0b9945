"""The Dockerfile, as far as can be told without an engine: its lint, and what its instructions say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, its FROM first."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def values(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for found, rest in stage if found == word]


def installs() -> list[str]:
    runs = " && ".join(rest for word, rest in instructions() if word == "RUN")
    return [command for command in re.split(r"\s*&&\s*", runs) if re.search(r"\bpip\b.* install ", command)]


def test_hadolint_has_nothing_to_say():
    linted = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("command", installs())
def test_each_install_takes_hashed_wheels_or_the_wheel_just_built(command):
    pinned = "--require-hashes --only-binary :all: -r requirements/" in command
    own = "--no-index --no-deps /dist/" in command
    assert pinned or own
    assert "://" not in command


def test_the_shipped_environment_gets_the_run_time_packages_and_nothing_else():
    into_it = [command for command in installs() if "/opt/bulkseg/" in command]
    assert [command.split()[-1] for command in into_it] == ["requirements/fleet.txt", "/dist/*.whl"]


def test_the_last_stage_installs_nothing_and_takes_only_the_environment():
    final = stages()[-1]
    assert values(final, "COPY") == ["--from=build /opt/bulkseg /opt/bulkseg"]
    assert not [run for run in values(final, "RUN") if "pip" in run or "apt" in run]


def test_all_stages_have_one_base_so_that_the_environment_finds_its_python():
    bases = {values(stage, "FROM")[0].split()[0] for stage in stages()}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases.pop())


def test_it_does_not_run_as_root():
    (user,) = values(stages()[-1], "USER")
    assert int(user.split(":")[0]) > 0


def test_sigterm_reaches_bulkseg_itself():
    final = stages()[-1]
    assert json.loads(values(final, "ENTRYPOINT")[0]) == ["bulkseg"]
    assert values(final, "STOPSIGNAL") == ["SIGTERM"]


def test_what_it_copies_is_let_through_by_dockerignore():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"bulkseg", "jobs", "requirements", "pyproject.toml"} <= allowed
