"""The command that is called when a run has ended: what it gets, what it does not, and when it is ended."""

import os
import shutil
import time

import psutil
import pytest
import typer

from bulkseg import afterwards
from bulkseg.afterwards import call, environment, parse
from bulkseg.cli.ending import Ending
from bulkseg.cli.guard import error_document, guarded
from bulkseg.errors import ConfigError, InputError, Problem

SH = shutil.which("sh")


def shell(script):
    return (SH, "-c", script)


# --- Which command --------------------------------------------------------------------------------------


def test_words_are_split_as_a_shell_splits_them_and_nothing_in_them_is_run():
    assert parse("sh -c 'cat > \"$HOME/a b\"' $HOME") == (SH, "-c", 'cat > "$HOME/a b"', "$HOME")


def test_a_program_is_found_from_here_on_wherever_the_run_goes(tmp_path, monkeypatch):
    (tmp_path / "tell").write_text("#!/bin/sh\n")
    (tmp_path / "tell").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert parse("./tell") == (str(tmp_path / "tell"),)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("mail 'nobody", "no closing quotation"),
        ("  ", "names no command"),
        ("no-such-program --token hidden", "no program no-such-program"),
        ("/etc/passwd", "can be run"),
    ],
)
def test_a_command_that_cannot_be_called_is_refused_and_its_arguments_are_not_shown(command, why):
    with pytest.raises(ConfigError, match=why) as refused:
        parse(command)
    assert "hidden" not in str(refused.value)


# --- The call -------------------------------------------------------------------------------------------


def test_it_gets_the_document_and_its_own_stdout_is_stderr(capfd):
    assert call(shell("cat"), b'{"exit": 0}\n') is None
    assert capfd.readouterr() == ("", '{"exit": 0}\n')


def test_it_gets_our_environment_but_nothing_that_leads_to_eloqua(capfd):
    ours = {"PATH": os.environ["PATH"], "ELOQUA_PASSWORD": "p", "ELOQUA__ACME__PASSWORD": "p", "CHANNEL": "c"}
    assert environment(ours) == {"PATH": os.environ["PATH"], "CHANNEL": "c"}
    call(shell('echo "$CHANNEL $ELOQUA_PASSWORD $ELOQUA__ACME__PASSWORD"'), b"", ours)
    assert capfd.readouterr().err.split() == ["c"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (shell("exit 3"), "ended with status 3"),
        (shell("kill -9 $$"), "was ended by SIGKILL"),
        (("/etc/passwd",), "cannot be started: permission denied"),
    ],
)
def test_a_failure_is_said_in_words(command, why):
    assert call(command, b"{}") == why


def test_one_that_does_not_read_what_it_is_told_has_not_failed():
    assert call(shell("exec 0<&-"), b"x" * 1_000_000) is None


@pytest.mark.parametrize(
    "script", ["sleep 60 & echo $! > pid; wait", "trap '' TERM; echo $$ > pid; sleep 60"]
)
def test_one_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path, monkeypatch, script):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(afterwards, "GRACE", 0.1)
    assert call(shell(script), b"{}", patience=0.2) == "took longer than 0.2 s and was ended"
    until = time.monotonic() + 5.0
    while alive(int((tmp_path / "pid").read_text())):
        assert time.monotonic() < until


def alive(pid):
    """Not when it only waits for its parent, who may never look."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- The end, whatever it is ----------------------------------------------------------------------------


def ended(error, document=None):
    """What is told of an end, and its status."""
    told = []

    def work():
        with Ending(error_document) as ending, guarded():
            ending.then(told.append)
            ending.document = document
            raise error

    with pytest.raises(typer.Exit) as end:
        work()
    return told, end.value.exit_code


def told_of(error):
    (document,), status = ended(error)
    assert document["exit"] == status
    return document


def test_an_error_is_told_as_it_is_shown():
    problem = Problem("s.csv", "is empty", line=3)
    assert told_of(InputError(problem))["problems"][0]["line"] == 3
    assert told_of(ExceptionGroup("tasks", [ConfigError("no password")]))["error"] == "no password"


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (KeyError("audience"), 1, "a bug in bulkseg: KeyError: 'audience'"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was sent"),
        (typer.Exit(1), 1, "not confirmed; nothing was sent"),
    ],
)
def test_what_is_no_error_of_ours_is_told_in_words_with_its_status(raised, status, words):
    assert told_of(raised) == {"error": words, "exit": status}


def test_what_the_run_came_to_goes_before_what_went_wrong_after_it():
    assert ended(BrokenPipeError(), {"run": 3, "exit": 0}) == ([{"run": 3, "exit": 0}], 141)
