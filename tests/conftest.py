"""What all tests share: how hypothesis runs, and what becomes of a test whose program is not installed."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import settings

IN_CI = "CI" in os.environ

# A busy machine is no failure, so no deadline; what CI finds, everybody can find again.
settings.register_profile("bulkseg", deadline=None, derandomize=IN_CI)
settings.load_profile("bulkseg")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves a test out whose program is missing; in CI that would hide it, so there it fails."""
    for marker in item.iter_markers("needs"):
        program = marker.args[0]
        if shutil.which(program) is None:
            why = f"{program} is not installed"
            pytest.fail(f"{why}: .ci/run has to install it") if IN_CI else pytest.skip(why)
