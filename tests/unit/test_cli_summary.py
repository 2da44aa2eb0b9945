"""The end of a run in words: what became of the specs, what it cost, and which command comes next."""

import pytest

from bulkseg.cli.summary import Call, lines

NONE = dict.fromkeys(
    ("pending", "sending", "created", "failed", "unknown", "skipped", "adopted", "undone"), 0
)


def document(exit_status=0, *, stopped=None, run=1, rate=9.96, **states):
    return {
        "job": "nightly",
        "checkpoint": "/data/nightly.checkpoint",
        "run": run,
        "rows": 1249,
        "specs": 1249,
        "states": {**NONE, **states},
        "requests": {"sent": 1249, "searches": 3, "throttled": 0, "retried": 1},
        "seconds": 125.4,
        "rate": rate,
        "stopped": stopped,
        "exit": exit_status,
    }


def said(shown, errors=(), job="jobs/nightly.toml", **named):
    return list(lines(shown, Call(job, **named), errors))


def commands(shown, **named):
    told = said(shown, **named)
    return [line.strip() for line in told[told.index("next:") + 1 :]]


def test_a_run_that_did_all_of_its_work():
    assert said(document(created=1249)) == [
        "nightly, run 1: 1,249 rows, 1,249 specs",
        "       1,249  created",
        "1,249 requests sent in this run, 3 searches, 1 retried, in 2 min 05 s (10.0 a second)",
        "exit 0: all that this run was to do is done",
        "Eloqua has not calculated the new segments yet: their counts are not known.",
        "next:",
        "  bulkseg verify jobs/nightly.toml",
        "  bulkseg results jobs/nightly.toml -o results.csv",
        "  bulkseg undo jobs/nightly.toml",
    ]


def test_failures_are_listed_and_tried_again():
    assert commands(document(1, created=1, failed=2, unknown=1)) == [
        "bulkseg run jobs/nightly.toml",
        "bulkseg verify jobs/nightly.toml",
        "bulkseg results jobs/nightly.toml --state failed,unknown",
        "bulkseg run jobs/nightly.toml --retry-failed",
        "bulkseg resolve jobs/nightly.toml KEY --id N",
        "bulkseg undo jobs/nightly.toml",
    ]


def test_what_a_signal_has_left_in_doubt_is_gone_on_with():
    assert commands(document(143, created=8, sending=1))[0] == "bulkseg run jobs/nightly.toml"


def test_the_commonest_errors_are_told_each_with_an_example():
    told = said(
        document(1, failed=1203), errors=[("400: name: too long", 1200, '["t","7"]'), ("404", 3, "k")]
    )
    at = told.index("commonest errors:")
    assert told[at + 1 : at + 5] == [
        "       1,200  400: name: too long",
        '              such as ["t","7"]',
        "           3  404",
        "              such as k",
    ]


def test_nothing_is_said_of_new_segments_by_a_run_that_made_none():
    assert not any("calculated" in line for line in said(document(1, failed=2)))


def test_a_run_that_stopped_early_says_why_and_is_gone_on_with():
    shown = document(3, stopped="the disk is full", created=9, pending=4)
    assert "stopped early: the disk is full" in said(shown)
    assert commands(shown)[0] == "bulkseg run jobs/nightly.toml"


def test_a_run_that_never_began_shows_no_counts():
    shown = document(130, run=None, stopped="stopped by SIGINT; nothing was sent")
    assert said(shown) == [
        "stopped early: stopped by SIGINT; nothing was sent",
        "exit 130: ended by SIGINT, what was under way is recorded",
        "next:",
        "  bulkseg run jobs/nightly.toml",
    ]


def test_the_commands_name_a_checkpoint_that_the_call_named_and_quote_what_a_shell_would_split():
    shown = document(1, failed=1, pending=1)
    assert commands(shown, job="my jobs/n.csv", checkpoint="c d.checkpoint") == [
        "bulkseg run 'my jobs/n.csv' --checkpoint 'c d.checkpoint'",
        "bulkseg results 'c d.checkpoint' --state failed",
        "bulkseg run 'my jobs/n.csv' --checkpoint 'c d.checkpoint' --retry-failed",
    ]


@pytest.mark.parametrize("status", [0, 1, 3, 130, 143])
def test_every_exit_status_of_a_run_says_what_it_means(status):
    assert any(line.startswith(f"exit {status}: ") for line in said(document(status)))


def test_the_commands_name_vars_and_source_too_and_with_vars_the_checkpoint_itself():
    assert commands(document(1, created=1, failed=1), vars=("q=Q 1",), source="mend.csv") == [
        "bulkseg verify /data/nightly.checkpoint --var 'q=Q 1'",
        "bulkseg results /data/nightly.checkpoint --state failed",
        "bulkseg run jobs/nightly.toml --var 'q=Q 1' --source mend.csv --retry-failed",
        "bulkseg undo /data/nightly.checkpoint",
    ]
