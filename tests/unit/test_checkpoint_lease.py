"""A lease by clocks that a test sets: when it holds, when it is renewed, and that a late holder knows it."""

from __future__ import annotations

import pytest

from bulkseg.checkpoint.postgres.lease import MARGIN, RENEW, TRY_AGAIN, Lease
from bulkseg.errors import StorageFull


class Database:
    """Answers a renewal when and how the test says."""

    def __init__(self):
        self.now, self.takes = 100.0, 0.0
        self.ours, self.away = True, False

    def renew(self) -> bool:
        self.now += self.takes
        if self.away:
            raise StorageFull("away")
        return self.ours


@pytest.fixture
def database():
    return Database()


@pytest.fixture
def lease(database):
    return Lease(database.renew, asked_at=database.now, seconds=30.0, monotonic=lambda: database.now)


def test_it_holds_until_shortly_before_its_end_and_a_process_that_stood_still_knows_it(database, lease):
    database.now += 30.0 * (1 - MARGIN) - 0.1
    assert lease.holds()
    database.now += 0.2
    assert not lease.holds()


def test_a_renewal_counts_from_before_it_was_asked_for(database, lease):
    database.now, database.takes = 110.0, 20.0
    assert lease.beat() == 30.0 * RENEW
    database.now = 110.0 + 30.0 * (1 - MARGIN) + 0.1
    assert not lease.holds()


def test_a_database_that_is_away_is_asked_again_soon_and_lengthens_nothing(database, lease):
    database.away = True
    database.now = 120.0
    assert lease.beat() == TRY_AGAIN
    assert lease.holds()
    database.now = 128.0
    assert not lease.holds()
    database.away = False
    assert lease.beat() == 30.0 * RENEW
    assert lease.holds()


def test_one_that_somebody_else_has_is_lost_for_good_and_at_once(database, lease):
    database.ours = False
    assert lease.beat() is None
    assert not lease.holds()
