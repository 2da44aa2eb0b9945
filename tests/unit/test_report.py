"""The report: what is gathered from a checkpoint, and a page in which every text is only text."""

import re
from html.parser import HTMLParser

import pytest

from bulkseg.model import State
from bulkseg.report import gather, page, wording
from bulkseg.report.failing import LONGEST, Failing
from bulkseg.report.tallies import STEPS, Latencies, Timeline
from tests.reported import START, Recorded, ended, failed, run_of

MEBIBYTE = 1024 * 1024
EVIL = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 7*7 }}"


def page_of(record, **other):
    return page(gather(record), **({"checkpoint": "nightly.checkpoint", "now": START} | other))


# --- Over time ------------------------------------------------------------------------------------------


def test_a_steady_rate_is_seen_as_one_and_no_end_is_lost():
    timeline = Timeline()
    for tenth in range(300):
        timeline.add(tenth / 10, bad=tenth % 10 == 0)
    moments = timeline.moments()
    assert len(moments) == 30
    # The last step ends with the last one, a tenth of a second early.
    assert [moment.ended for moment in moments] == pytest.approx([10] * 29 + [10 / 0.9])
    assert [moment.bad for moment in moments] == pytest.approx([1] * 29 + [1 / 0.9])


@pytest.mark.parametrize("length", [0.2, 119.0, 121.0, 100_000.0])
def test_a_course_of_any_length_is_kept_in_so_many_steps_and_adds_up(length):
    timeline = Timeline()
    for place in range(10_001):
        timeline.add(length * place / 10_000, bad=False)
    moments = timeline.moments()
    assert len(moments) <= STEPS
    # Each step is twice as long as the way from its start to its middle.
    start = total = 0.0
    for moment in moments:
        width = 2 * (moment.at - start)
        total += moment.ended * width
        start += width
    assert total == pytest.approx(10_001)
    if length > 1:
        assert start == pytest.approx(length)
        assert [moment.ended for moment in moments] == pytest.approx(
            [10_000 / length] * len(moments), rel=0.05
        )


def test_percentiles_are_right_within_a_hundredth():
    latencies = Latencies()
    for milliseconds in range(1, 10_001):
        latencies.add(milliseconds / 1000)
    found = latencies.latency()
    assert found.answers == 10_000
    words = [word for word, _ in found.percentiles]
    assert words == ["p50", "p90", "p95", "p99", "longest"]
    assert [value for _, value in found.percentiles] == pytest.approx([5, 9, 9.5, 9.9, 10], rel=0.011)


def test_answers_within_no_time_are_answers_too():
    latencies = Latencies()
    latencies.add(0.0)
    assert latencies.latency().percentiles[0] == ("p50", 0.0)


@pytest.mark.parametrize(
    "other",
    [
        {"reconciled": True},
        {"state": State.UNDONE},
        {"state": State.FAILED, "http_status": None},
        {"sent_at": None},
        {"done_at": START - 1},
    ],
)
def test_only_an_answer_that_came_to_a_request_has_a_latency(other):
    course = gather(Recorded([ended(0), ended(1, **other)])).course
    assert course.latency.answers == 1


def test_the_course_is_that_of_the_latest_run_that_ended_anything():
    specs = [ended(0), ended(1, run=2), ended(2, run=2, reconciled=True), ended(3)]
    course = gather(Recorded(specs, all_runs=[run_of(1), run_of(2), run_of(3)])).course
    assert (course.run, course.latency.answers, course.found) == (2, 1, 1)


def test_what_was_never_run_has_no_course_and_a_page_all_the_same():
    record = Recorded([ended(0, state=State.PENDING, run=None, done_at=None, sent_at=None)], all_runs=[])
    assert gather(record).course is None
    assert "<b>0</b> of 1 specs are done" in page_of(record)


# --- Failures -------------------------------------------------------------------------------------------


def test_errors_that_differ_in_what_they_quote_are_of_one_kind():
    failing = Failing()
    for number in range(3):
        failing.add(failed(number, f'name: "S {number}" is taken by {number + 40}'))
    failing.add(failed(3, "no answer", state=State.UNKNOWN))
    first, second = failing.groups().commonest
    assert (first.count, first.example.error) == (3, 'name: "S 0" is taken by 40')
    assert (second.count, second.example.place) == (1, "s.csv:5")


def test_kinds_beyond_those_shown_are_counted():
    failing = Failing()
    for letter in range(30):
        failing.add(failed(0, chr(ord("A") + letter)))
    groups = failing.groups()
    assert len(groups.commonest) + groups.others == 30
    assert groups.others > 0


@pytest.mark.parametrize("name", ["S", "<" * LONGEST * 2, "ü" * LONGEST * 2])
def test_a_page_stays_under_a_mebibyte_whatever_failed(name):
    record = Recorded([failed(number, f"{number} {name}", name=name) for number in range(10_000)])
    text = page_of(record, allowed=10.0)
    assert len(text.encode()) < MEBIBYTE
    shown = re.search(r"The first ([\d,]+) of 10,000", text)
    assert shown is not None
    assert text.count('<td class="failed">') == int(shown[1].replace(",", "")) > 100
    assert "bulkseg results nightly.checkpoint --state failed,unknown" in text


# --- The page -------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """The elements and attributes that a browser would see."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def elements(text):
    parser = Elements()
    parser.feed(text)
    return parser.seen


def test_no_text_of_a_job_becomes_markup():
    other = {"name": EVIL, "key": EVIL, "source": EVIL, "request_id": EVIL}
    stopped = run_of(summary=run_of().summary | {"stopped": EVIL})
    record = Recorded([failed(0, EVIL, **other)], job=EVIL, all_runs=[stopped])
    evil = page_of(record, checkpoint=EVIL, trouble=EVIL)
    plain = page_of(Recorded([failed(0)], all_runs=[run_of(summary=run_of().summary | {"stopped": "x"})]))
    assert [tag for tag, _ in elements(evil)] == [tag for tag, _ in elements(plain)]
    assert evil.count("{{ 7*7 }}") >= 6


def test_the_page_names_no_address_and_has_nothing_that_its_policy_would_refuse():
    found = elements(
        page_of(Recorded([ended(number) for number in range(100)] + [failed(100)]), allowed=10.0)
    )
    assert [tag for tag, _ in found].count("script") == 1
    assert [tag for tag, _ in found].count("style") == 1
    used = {name for _, attributes in found for name in attributes}
    assert not used & {"src", "href", "style", "action", "xlink:href"}
    assert not [name for name in used if name.startswith("on")]
    assert sum(tag == "svg" for tag, _ in found) == 4


def test_the_rate_allowed_is_drawn_only_where_it_is_known():
    record = Recorded([ended(number) for number in range(100)])
    assert "Rate allowed" in page_of(record, allowed=10.0)
    unknown = page_of(record)
    assert "Rate allowed" not in unknown
    assert "name the job to have it drawn" in unknown


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (run_of(summary=run_of().summary | {"stopped": "too many failures"}), "too many failures"),
        (run_of(ended_at=None, summary=None), "Run 1 is still going on, or was killed."),
    ],
)
def test_a_run_that_did_not_come_to_its_end_says_so_first(run, said):
    text = page_of(Recorded([ended(0)], all_runs=[run]))
    assert said in text[: text.index("<main>")]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (wording.seconds(0.0854), "85 ms"),
        (wording.seconds(1.24), "1.2 s"),
        (wording.seconds(59.7), "1 min 00 s"),
        (wording.seconds(7500), "2 h 05 min"),
        (wording.clock(65), "1:05"),
        (wording.clock(3725), "1:02:05"),
        (wording.rate(10.0), "10"),
        (wording.rate(9.61), "9.6"),
        (wording.moment(START), "2025-10-09 08:53:20"),
    ],
)
def test_figures_are_written_as_people_read_them(written, text):
    assert written == text
