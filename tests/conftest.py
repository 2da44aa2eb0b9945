"""What all tests share: how hypothesis runs, and what becomes of a test whose program is not installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from bulkseg.location import Location, located
from tests import cluster as clusters

IN_CI = "CI" in os.environ

# A busy machine is no failure, so no deadline; what CI finds, everybody can find again.
settings.register_profile("bulkseg", deadline=None, derandomize=IN_CI)
settings.load_profile("bulkseg")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves a test out whose program is missing; in CI that would hide it, so there it fails."""
    for marker in item.iter_markers("needs"):
        program = marker.args[0]
        if clusters.program(program) is None:
            why = f"{program} is not installed"
            pytest.fail(f"{why}: .ci/run has to install it") if IN_CI else pytest.skip(why)


Places = Callable[[], Location]
_numbers = count(1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[clusters.Cluster]:
    """A PostgreSQL for all tests of this process that take it, begun with the first of them."""
    with clusters.running() as cluster:
        yield cluster


@pytest.fixture(params=["file", pytest.param("database", marks=pytest.mark.needs("pg_ctl"))])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """Places for new checkpoints: what holds for a checkpoint is shown in a file and in a database."""
    if request.param == "file":
        return lambda: tmp_path / f"x{next(_numbers)}.checkpoint"
    url = request.getfixturevalue("cluster").url
    return lambda: located(f"{url}#x{next(_numbers)}.checkpoint")


@pytest.fixture
def place(places: Places) -> Location:
    """A place for one."""
    return places()
