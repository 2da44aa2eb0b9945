"""What a program is told of its run."""

from bulkseg.event import Event, EventLog
from bulkseg.redact import MASK, secrets


def test_each_event_has_what_is_bound_to_the_log_and_no_debugging_is_one():
    told = []
    log = EventLog(told.append).bind(job="nightly").bind(run=2)
    log.debug("checking")
    log.info("run_started", total=7)
    log.warning("draining", signal="SIGINT")
    assert told == [
        Event("run_started", {"job": "nightly", "run": 2, "total": 7}),
        Event("draining", {"job": "nightly", "run": 2, "signal": "SIGINT"}),
    ]


def test_no_secret_goes_out_with_an_event():
    secrets.learn("a password of the test's")
    told = []
    EventLog(told.append).warning("spec_failed", error="not 'a password of the test's', please", line=4)
    assert told == [Event("spec_failed", {"error": f"not '{MASK}', please", "line": 4})]
