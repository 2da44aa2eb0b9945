"""The policy of the pace: what a refusal does to the rate, and how it comes back. A table, no clock."""

import pytest

from bulkseg.adapt import FALL, FIRST_STAY, LEAST, LONGEST_STAY, STAY, Level, allowed, refused

FRESH = Level(ceiling=200.0)


def test_the_rate_is_the_ceiling_until_something_is_refused():
    assert allowed(FRESH, 1e9) == 200.0


def test_a_refusal_takes_the_rate_under_what_was_borne():
    level = refused(FRESH, 40.0, since=10.0)
    assert allowed(level, 10.0) == pytest.approx(40.0 * FALL)


def test_the_rate_waits_just_under_the_knee_before_it_tries_for_more():
    level = refused(FRESH, 40.0, since=10.0)
    assert allowed(level, 10.0 + FIRST_STAY) == pytest.approx(40.0 * STAY)
    assert allowed(level, 10.0 + FIRST_STAY + 3.0) > 40.0


def test_the_rate_comes_back_to_the_ceiling_and_not_beyond():
    level = refused(FRESH, 40.0, since=10.0)
    assert allowed(level, 10.0 + FIRST_STAY + 30.0) == 200.0


def test_nothing_rises_before_sending_goes_on():
    level = refused(FRESH, 40.0, since=10.0)
    assert allowed(level, 5.0) == allowed(level, 10.0)


@pytest.mark.parametrize(
    ("borne", "doubled"), [(40.0, True), (37.0, True), (46.0, True), (20.0, False), (90.0, False)]
)
def test_tries_that_are_refused_at_the_same_place_come_less_and_less_often(borne, doubled):
    level = refused(refused(FRESH, 40.0, since=10.0), borne, since=20.0)
    assert (level.stay > FIRST_STAY) is doubled


def test_the_wait_between_two_tries_is_bounded():
    level = FRESH
    for since in range(20):
        level = refused(level, 40.0, since)
    assert level.stay == LONGEST_STAY


def test_nothing_borne_at_all_leaves_a_least_rate():
    level = refused(FRESH, 0.0, since=0.0)
    assert allowed(level, 0.0) == pytest.approx(200.0 * LEAST * FALL)
