"""How fast a checkpoint's site is asked after the runs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bulkseg.errors import ConfigError
from bulkseg.job import Limits, load_job
from bulkseg.visit import case_of

CHECKPOINT = Path("x.checkpoint")


def test_the_limits_are_the_jobs_or_the_default_ones(tmp_path):
    job = tmp_path / "x.toml"
    job.write_text(
        '[source]\npath = "x.csv"\n[[segment]]\nname = "{{ name }}"\n[limits]\nrate = 3\nconcurrency = 2\n'
    )
    limits = case_of(CHECKPOINT, load_job(job), None).limits
    assert (limits.rate, limits.concurrency) == (3.0, 2)
    assert case_of(CHECKPOINT, None, None).limits == Limits()


def test_a_rate_in_the_call_wins():
    assert case_of(CHECKPOINT, None, 2.5).limits.rate == 2.5


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ConfigError, match="--rate"):
        case_of(CHECKPOINT, None, rate)
