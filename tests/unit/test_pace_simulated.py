"""The pace against a dozen servers, in virtual time: little is refused, and the possible rate is reached."""

import math

import pytest

from benchmarks.simulation import CASES, REFUSED, row


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_pace_finds_what_the_server_bears(case):
    seen = row(case)
    assert seen["made"] == case.specs
    assert seen["refused"] < REFUSED
    assert seen["of possible"] >= case.least
    assert not math.isnan(seen["settled after s"])
