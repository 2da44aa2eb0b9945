"""The pins: exact, hashed, without addresses, one choice of versions for all, in step with pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))


def pins(name: str) -> list[str]:
    """One text a requirement: the pin, its marker, its hashes."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def requirements(name: str) -> set[str]:
    return {pin.split("--hash")[0].strip() for pin in pins(name)}


def declared() -> list[tuple[str, str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"run.txt": project["project"]["dependencies"]}
    extras = project["project"]["optional-dependencies"]
    wanted |= {"fleet.txt": wanted["run.txt"] + extras["fleet"]}
    groups = project["dependency-groups"]
    wanted |= {"build.txt": groups["build"], "resolve.txt": groups["resolve"]}
    wanted |= {"dev.txt": groups["lint"] + groups["test"] + groups["bench"]}
    return [(file, requirement) for file, listed in wanted.items() for requirement in listed]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_address_of_an_index_is_written_down(file):
    text = file.read_text()
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_requirement_is_pinned_to_one_version_and_to_hashes(file):
    for pin in pins(file.name):
        (specifier,) = Requirement(pin.split("--hash")[0]).specifier
        assert specifier.operator == "=="
        assert "--hash=sha256:" in pin, pin


@pytest.mark.parametrize("file", ["run.txt", "fleet.txt", "build.txt"])
def test_what_is_tested_is_what_is_shipped(file):
    assert requirements(file) <= requirements("dev.txt")


@pytest.mark.parametrize(("file", "wanted"), declared())
def test_the_pins_hold_what_pyproject_asks_for(file, wanted):
    want = Requirement(wanted)
    found = [Requirement(pin) for pin in requirements(file)]
    versions = [
        next(iter(pin.specifier)).version
        for pin in found
        if canonicalize_name(pin.name) == canonicalize_name(want.name)
    ]
    assert versions, f"{want.name} is not in {file}: run `make requirements`"
    assert all(version in want.specifier for version in versions)
