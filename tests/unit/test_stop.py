"""The wish to stop a run: the first one counts, and says how the command ends."""

import asyncio
import signal

import pytest

from bulkseg.errors import CanaryDiffers, ServerGone, SignInRefused, StorageFull, TooManyFailures
from bulkseg.stop import Stop


def test_nothing_asks_for_an_end_at_first():
    stop = Stop()
    assert (stop.requested, stop.why, stop.exit_status) == (False, None, None)


@pytest.mark.parametrize(
    ("signum", "why", "status"),
    [
        (signal.SIGINT, "stopped by SIGINT", 130),
        (signal.SIGTERM, "stopped by SIGTERM", 143),
        (signal.SIGHUP, "stopped by SIGHUP", 129),
    ],
)
def test_a_signal_ends_the_command_with_the_status_that_a_shell_would_give_it(signum, why, status):
    stop = Stop()
    stop.request(signum)
    assert (stop.requested, stop.why, stop.exit_status) == (True, why, status)


@pytest.mark.parametrize("kind", [SignInRefused, TooManyFailures, ServerGone, CanaryDiffers, StorageFull])
def test_an_error_ends_it_with_its_words_and_3(kind):
    stop = Stop()
    stop.fail(kind("this is why"))
    assert (stop.requested, stop.why, stop.exit_status) == (True, "this is why", 3)


def test_an_error_after_a_signal_does_not_change_how_it_ends():
    stop = Stop()
    stop.request(signal.SIGTERM)
    stop.fail(StorageFull("no room"))
    assert (stop.why, stop.exit_status) == ("stopped by SIGTERM", 143)


def test_a_signal_after_an_error_does_not_hide_why_it_ends():
    stop = Stop()
    stop.fail(ServerGone("gone"))
    stop.request(signal.SIGINT)
    assert (stop.why, stop.exit_status) == ("gone", 3)


def test_of_two_errors_the_first_one_is_told():
    stop = Stop()
    stop.fail(ServerGone("gone"))
    stop.fail(StorageFull("no room"))
    assert isinstance(stop.error, ServerGone)
    assert stop.why == "gone"


async def test_whoever_waits_goes_on_once_an_end_was_asked_for():
    stop = Stop()
    waiting = asyncio.create_task(stop.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.request(signal.SIGTERM)
    await asyncio.wait_for(waiting, 1)
