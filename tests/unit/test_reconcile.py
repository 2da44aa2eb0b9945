"""What a list says about a spec in doubt: rule by rule, as tables."""

import pytest

from bulkseg.listing import Sighting
from bulkseg.reconcile import (
    CLOCK_SLACK,
    UNCHECKED,
    Absent,
    Ambiguous,
    Found,
    Known,
    Listing,
    LookAgain,
    Lost,
    judge_listing,
    ours,
)

AT = 10_000.0
LOST = Lost(1, "One", "one", "create", run=3, intended_at=AT)


def seen(number="7", name="One", by="12", at=AT):
    return Sighting(number, name, name.casefold(), by, at, None)


def known(stood=(), claimed=(), us="12"):
    return Known(stood, claimed, us)


def judged(*segments, settled=True, witnesses=(), followed=True, names_kept=True, **facts):
    return judge_listing(LOST, Listing(segments, settled, witnesses, followed, names_kept), known(**facts))


@pytest.mark.parametrize("settled", [True, False])
def test_one_of_the_very_name_is_it_at_once(settled):
    assert judged(seen(), settled=settled) == Found(seen())


@pytest.mark.parametrize(
    "facts", [{"stood": ["7"]}, {"claimed": ["7"]}, {"us": "99"}], ids=["stood", "claimed", "another's"]
)
def test_what_stood_before_has_a_spec_or_is_anothers_is_not_it(facts):
    assert judged(seen(), **facts) == Absent()
    assert ours(LOST, [seen()], known(**facts)) == []


def test_one_that_is_equal_only_after_folding_is_it_with_a_warning():
    judgement = judged(seen(name="ONE"))
    assert isinstance(judgement, Found)
    assert "ONE" in judgement.warning


def test_the_very_name_goes_before_one_that_only_folds_to_it():
    assert judged(seen("8", name="ONE"), seen("7")) == Found(seen("7"))


@pytest.mark.parametrize("names", [("One", "One"), ("ONE", "oNE")])
def test_two_of_the_name_are_too_many(names):
    assert judged(seen("7", names[0]), seen("8", names[1])) == Ambiguous(("7", "8"))


def test_absence_is_not_concluded_before_the_settle_time():
    assert isinstance(judged(settled=False), LookAgain)
    assert judged() == Absent()


def test_absence_is_not_concluded_from_a_list_that_lacks_a_witness():
    assert isinstance(judged(seen("5", "other"), witnesses=["5", "6"]), LookAgain)
    assert judged(seen("5", "a", by="1"), seen("6", "b", by="1"), witnesses=["5", "6"]) == Absent()


def test_absence_is_not_concluded_before_something_that_was_sent_later_is_answered():
    assert isinstance(judged(followed=False), LookAgain)
    assert judged(seen(), followed=False) == Found(seen())


def test_where_names_are_changed_any_new_one_of_ours_could_be_it():
    stray = seen("9", "Copy of something")
    assert isinstance(judged(stray, names_kept=False), LookAgain)
    assert judged(stray, names_kept=True) == Absent()
    assert judged(stray, names_kept=False, claimed=["9"]) == Absent()


def test_while_our_user_is_not_known_nothing_is_taken_before_the_settle_time():
    assert isinstance(judged(seen(), us=None, settled=False), LookAgain)
    assert judged(seen(), us=None) == Found(seen(), UNCHECKED)


@pytest.mark.parametrize(
    ("at", "new"), [(AT, True), (AT - CLOCK_SLACK, True), (AT - CLOCK_SLACK - 1, False), (None, True)]
)
def test_where_no_list_was_taken_before_the_time_of_making_stands_in(at, new):
    assert bool(ours(LOST, [seen(at=at)], known(stood=None))) is new


def test_where_a_list_was_taken_times_do_not_count():
    assert ours(LOST, [seen(at=0.0)], known())
