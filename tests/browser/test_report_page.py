"""The report in a real browser: it asks nobody for anything, and its table sorts, searches and saves."""

import csv
import shutil

import pytest
from playwright.sync_api import sync_playwright

from bulkseg.model import State
from bulkseg.report import gather, page
from tests.reported import START, Recorded, ended, failed

pytestmark = pytest.mark.needs("chromium")

EVIL = "<script>document.title = 'taken over'</script>"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        # Root, which CI may run as, has no sandbox of Chromium's.
        started = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], handle_sigint=False
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    bad = [
        failed(500, 'name: "b" is taken', name="b", attempts=10),
        failed(501, "no answer", name=EVIL, attempts=9, state=State.UNKNOWN),
        failed(502, "403", name="=HYPERLINK()", attempts=2, request_id='a"b'),
    ]
    findings = gather(Recorded([ended(number) for number in range(500)] + bad))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(findings, checkpoint="n.checkpoint", now=START, allowed=10.0), encoding="utf-8")
    return path


@pytest.fixture
def shown(browser, report):
    """Opens the page in such a window, and tells of all that it asks for and complains of."""
    opened = []

    def show(**window):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | window))
        opened.append(context)
        tab = context.new_page()
        said, asked = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(report.as_uri())
        return tab, said, asked

    yield show
    for context in opened:
        context.close()


@pytest.fixture
def tab(shown):
    return shown()[0]


def names(tab):
    return tab.locator("#table tbody tr:visible th").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_whole_at_any_width_and_in_any_light(shown, report, width, scheme):
    tab, said, asked = shown(viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert tab.title() == "nightly: bulkseg report"
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.locator("svg:visible").count() == 3
    # A chart has the width of its place, and its texts can be read.
    for chart in tab.locator("svg:visible").all():
        assert chart.bounding_box()["width"] > 300
        assert all(text.bounding_box()["height"] >= 11 for text in chart.locator("text").all())
    paper, ink = tab.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    lights = [sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink)]
    assert (lights[0] > lights[1]) == (scheme == "light")
    assert said == []
    assert asked == [report.as_uri()]


def test_the_policy_is_in_force(shown):
    tab, said, _ = shown()
    assert tab.evaluate("fetch('http://127.0.0.1:9/').then(() => 'let out', () => 'kept in')") == "kept in"
    assert "Content Security Policy" in said[0]


def test_a_column_is_sorted_up_and_down_by_its_heading_also_from_the_keyboard(tab):
    heading = tab.get_by_role("columnheader", name="Attempts")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(tab) == ["=HYPERLINK()", EVIL, "b"]
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(tab) == ["b", EVIL, "=HYPERLINK()"]
    tab.get_by_role("columnheader", name="State").get_by_role("button").press(" ")
    assert heading.get_attribute("aria-sort") is None


def test_a_search_leaves_what_holds_the_words_and_says_how_many(tab):
    tab.get_by_role("searchbox", name="Search").fill("TAKEN")
    assert names(tab) == ["b", EVIL]
    assert tab.get_by_role("status").inner_text() == "2 of 3 rows"
    tab.get_by_role("searchbox").fill("")
    assert len(names(tab)) == 3


def test_what_is_shown_can_be_saved_as_csv_without_formulas(tab, tmp_path):
    tab.get_by_role("searchbox").fill("40")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download as CSV").click()
    download.value.save_as(tmp_path / "failed.csv")
    with (tmp_path / "failed.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "state": "failed",
        "name": "'=HYPERLINK()",
        "error": "403",
        "source": "s.csv:504",
        "attempts": "2",
        "request_id": 'a"b',
        "key": '["segment","S 502"]',
    }


def test_without_scripts_the_table_is_there_and_its_tools_are_not(shown):
    tab, _, _ = shown(java_script_enabled=False)
    assert names(tab) == ["b", EVIL, "=HYPERLINK()"]
    assert not tab.get_by_role("button", name="Download as CSV").is_visible()


def test_a_screen_reader_is_told_what_the_pictures_show(tab):
    assert tab.get_by_role("img", name="created 500, failed 2, unknown 1").is_visible()
    assert tab.get_by_role("img", name="p50").get_attribute("aria-label").startswith("p50 10")
    assert tab.get_by_role("heading", level=2).all_inner_texts()[0] == "Summary"
