"""The first signal drains, the second one ends at once, and a question that stands open is ended by any."""

import os
import signal

import pytest
import typer

from bulkseg.cli.guard import guarded
from bulkseg.cli.signals import Interrupted, Signals


class Left(BaseException):
    pass


@pytest.fixture
def told():
    return []


@pytest.fixture
def signals(told):
    def leave(signum):
        raise Left(signum)

    return Signals(asking=lambda: "asking" in told, drain=told.append, leave=leave)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(signals, told, signum):
    with signals:
        os.kill(os.getpid(), signum)
        assert told == [signum]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_at_once_whichever_it_is(signals, told, second):
    with signals:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Left) as left:
            os.kill(os.getpid(), second)
    assert left.value.args == (second,)
    assert told == [signal.SIGINT]


def test_a_signal_at_the_question_ends_the_command_and_says_that_nothing_was_sent(signals, told):
    told.append("asking")
    with signals, pytest.raises(Interrupted, match="SIGTERM; nothing was sent"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert told == ["asking"]


def test_afterwards_the_signals_are_as_they_were(signals):
    before = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
    with signals:
        pass
    assert [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_status_is_that_of_the_signal(signum, status):
    with pytest.raises(typer.Exit) as end, guarded():
        raise Interrupted(signum)
    assert end.value.exit_code == status
