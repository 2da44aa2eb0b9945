"""The log: one JSON document a line, and no secret in it."""

import io
import json
import logging
import sys

import pytest

from bulkseg import log
from bulkseg.redact import MASK, Redactor, secrets


@pytest.fixture(autouse=True)
def as_it_was():
    root, ours = logging.getLogger(), logging.getLogger("bulkseg")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)


@pytest.fixture
def written(capsys):
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_holds_event_level_fields_and_the_time_in_utc(written):
    log.configure()
    log.get_logger().bind(job="nightly", run=3).info("progress", done=7)
    (line,) = written()
    assert line["event"] == "progress"
    assert (line["level"], line["job"], line["run"], line["done"]) == ("info", "nightly", 3, 7)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("level", "events"),
    [("debug", ["a", "b", "c"]), ("info", ["b", "c"]), ("warning", ["c"]), ("error", [])],
)
def test_the_level_holds_back_what_is_below_it(written, level, events):
    log.configure(level)
    logger = log.get_logger()
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    assert [line["event"] for line in written()] == events


def test_what_a_library_says_is_a_json_line_too_from_warning_on(written):
    log.configure("debug")
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").warning("slow: %s", "callback")
    assert [(line["event"], line["level"]) for line in written()] == [("slow: callback", "warning")]


def test_configuring_twice_writes_every_line_once(written):
    log.configure()
    log.configure()
    log.get_logger().info("once")
    assert len(written()) == 1


def test_a_line_goes_to_whatever_stderr_is_at_that_moment(monkeypatch):
    log.configure()
    later = io.StringIO()
    monkeypatch.setattr(sys, "stderr", later)
    log.get_logger().info("later")
    assert "later" in later.getvalue()


def test_the_console_style_is_for_reading(capsys):
    log.configure(style="console")
    log.get_logger().info("run_started", total=3)
    said = capsys.readouterr().err
    assert "run_started" in said
    assert "total=3" in said


@pytest.mark.parametrize(
    "key", ["password", "ELOQUA_PASSWORD", "authorization", "refresh_token", "client_secret"]
)
def test_what_stands_under_a_telling_key_is_masked(key):
    assert Redactor()(None, "info", {key: "x7", "event": "e"}) == {key: MASK, "event": "e"}


def test_a_known_secret_is_masked_inside_of_any_text_and_at_any_depth():
    redactor = Redactor()
    redactor.learn("correct horse")
    event = {"event": "said correct horse", "more": {"list": ["a correct horse", 3, None, True]}, "n": 1.5}
    assert redactor(None, "info", event) == {
        "event": f"said {MASK}",
        "more": {"list": [f"a {MASK}", 3, None, True]},
        "n": 1.5,
    }


def test_a_secret_inside_of_another_does_not_leave_a_rest():
    redactor = Redactor()
    redactor.learn("battery", "battery-staple")
    assert redactor.text("battery-staple!") == f"{MASK}!"


def test_a_secret_that_is_a_short_word_does_not_spoil_other_words():
    redactor = Redactor()
    redactor.learn("demo")
    assert redactor.text("bulkseg-demo") == "bulkseg-demo"


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_credentials_of_a_header_are_masked_without_being_known(scheme):
    assert Redactor().text(f"sent {scheme} U2FuZGJveDpkZW1v== away") == f"sent {scheme} {MASK} away"


def test_an_exception_in_the_log_has_its_secrets_masked(written):
    log.configure()
    secrets.learn("correct horse")
    error = ValueError("not with correct horse")
    logging.getLogger("aiohttp").error("failed", exc_info=error)
    (line,) = written()
    assert "ValueError" in line["exception"]
    assert "correct horse" not in line["exception"]
