"""Every error has its exit status and its words; a traceback is only for who asks for it."""

import json

import pytest
import typer

from bulkseg import errors
from bulkseg.cli.guard import guarded
from bulkseg.redact import secrets

TREE = [
    (errors.BulksegError("broken"), 1),
    (errors.InputError(errors.Problem("s.csv", "is empty")), 2),
    (errors.ConfigError("no password"), 2),
    (errors.CheckpointError("damaged"), 2),
    (errors.CheckpointBusy("held by 7"), 4),
    (errors.Stopped("ended early"), 3),
    (errors.SignInRefused("not let in"), 3),
    (errors.TooManyFailures("6 of 100"), 3),
    (errors.ServerGone("for 600 s"), 3),
    (errors.StorageFull("no room"), 3),
]


def status_of(error, **how):
    with pytest.raises(typer.Exit) as end, guarded(**how):
        raise error
    return end.value.exit_code


@pytest.mark.parametrize(("error", "status"), TREE, ids=lambda value: type(value).__name__)
def test_an_error_ends_with_its_status_and_its_message_alone(error, status, capsys):
    assert status_of(error) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{error}\n"


def test_problems_are_one_a_line_and_never_wrapped(capsys):
    long = errors.Problem("a folder/s.csv", "is wrong " * 40, line=12, column="name")
    status_of(errors.InputError([long, errors.Problem("s.csv", "is empty")], total=7))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"a folder/s.csv:12: name: {'is wrong ' * 40}"
    assert lines[1:] == ["s.csv: is empty", "and 5 more problems like these"]


def test_with_json_the_problems_are_a_document_on_stdout_too(capsys):
    problem = errors.Problem("s.csv", "ends early", line=3, column="name")
    status_of(errors.InputError([problem], total=2), as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "problems": [{"file": "s.csv", "line": 3, "column": "name", "what": "ends early"}],
        "total": 2,
        "exit": 2,
    }
    assert err.startswith("s.csv:3: name: ends early\n")


def test_with_json_any_other_error_is_a_document_too(capsys):
    status_of(errors.CheckpointBusy("held by 7"), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"error": "held by 7", "exit": 4}


def test_what_nobody_foresaw_is_called_a_bug_without_a_traceback(capsys):
    assert status_of(KeyError("audience")) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'audience'" in err
    assert "This is a bug in bulkseg, not in your job. What is on record is safe." in err
    assert "--log-level debug" in err
    assert "Traceback" not in err


def test_on_the_level_debug_a_bug_shows_its_traceback_without_secrets(capsys):
    secrets.learn("correct horse")
    status_of(RuntimeError("sent correct horse"), log_level="debug")
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "test_cli_guard.py" in err
    assert "correct horse" not in err


def test_an_error_inside_of_a_group_of_tasks_counts_as_itself(capsys):
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [errors.CheckpointError("damaged")])])
    assert status_of(group) == 2
    assert capsys.readouterr().err == "damaged\n"


def test_what_a_command_ends_with_goes_through(capsys):
    assert status_of(typer.Exit(143)) == 143
    assert capsys.readouterr().err == ""
