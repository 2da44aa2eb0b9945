import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkseg.eloqua.headers import retry_after, text

NOW = 1_704_067_200.0  # Mon, 01 Jan 2024 00:00:00 GMT
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("9" * 400, None),
        ("Mon, 01 Jan 2024 00:00:30 GMT", 30.0),
        ("Monday, 01-Jan-24 00:00:30 GMT", 30.0),
        ("Mon Jan  1 00:00:30 2024", 30.0),
        ("Sun, 31 Dec 2023 23:00:00 GMT", 0.0),
        ("Mon, 99 Jan 2024 00:00:30 GMT", None),
        ("Mon, 01 Foo 2024 00:00:30 GMT", None),
    ],
)
def test_a_pause_is_read_in_both_of_its_forms(value: str | None, seconds: float | None):
    assert retry_after(value, DATE, NOW) == seconds
    assert retry_after(value, None, NOW) == seconds


def test_a_date_to_wait_for_is_compared_with_the_servers_clock_not_ours():
    assert retry_after("Mon, 01 Jan 2024 00:00:30 GMT", DATE, NOW + 3600) == 30.0


def test_a_date_header_that_is_no_date_leaves_our_own_clock():
    assert retry_after("Mon, 01 Jan 2024 00:00:30 GMT", "yesterday", NOW + 10) == 20.0


@given(st.text(max_size=60), st.text(max_size=60) | st.none())
def test_no_header_breaks_it_and_no_pause_is_negative(value: str, date: str | None):
    found = retry_after(value, date, NOW)
    assert found is None or found >= 0.0


def test_a_header_that_is_kept_can_be_stored_and_shown():
    assert text("a\udcffb\x1b[0m") == "a?b?[0m"
    assert len(text("x" * 9000) or "") == 200
    assert text("") is None
    assert text(None) is None
