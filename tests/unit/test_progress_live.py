"""What a person sees of a run: within 80 columns, without unwanted colours, and gone at the end."""

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from bulkseg.model import Action, Spec
from bulkseg.observe import Tally
from bulkseg.progress.live import Display, picture
from bulkseg.progress.numbers import Meter

SPEC = Spec(
    '["t","a"]', "t", Action.CREATE, "Österreich Kunden", "österreich kunden", "", b"{}", "h", "s.csv", 14
)
TALLY = Tally(
    total=12_345,
    created=4_000,
    failed=2,
    unknown=1,
    waiting=3,
    in_flight=8,
    allowed=2.5,
    why="the server asked to wait (429)",
)


def terminal(width=80, **more):
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard", **more)


def shown(console):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_picture_has_one_line_for_each_part_whatever_the_width(width):
    console = terminal(width)
    events = [Text("failed " + "x" * 300)] * 2
    console.print(picture("a-job-with-a-name-that-is-long, run 12", Meter(TALLY, lambda: 0.0).read(), events))
    lines = shown(console).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= width


def test_the_picture_tells_counts_rate_and_why_it_is_lower():
    console = terminal()
    console.print(picture("nightly, run 1", Meter(TALLY, lambda: 0.0).read(), []))
    said = shown(console)
    assert "nightly, run 1" in said
    assert "4,003/12,345" in said
    assert "4,000 created · 2 failed · 1 unknown · 8,334 waiting (3 of them held back)" in said
    assert "32 %" in said
    assert "0.0 of 2.5 requests/s · 8 in flight · the server asked to wait (429)" in said


def test_no_color_takes_every_colour_out(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    console = terminal()
    console.print(picture("nightly, run 1", Meter(TALLY, lambda: 0.0).read(), [Text("failed", style="red")]))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", console.file.getvalue())


async def test_the_last_failures_and_the_last_notice_stay_in_sight():
    console = terminal()
    display = Display(console)
    display.started("nightly", 1, TALLY)
    for number in range(5):
        display.failed(SPEC, "failed", f"error {number}", f"r-{number}")
    display.notice("throttled", rate=5)
    display.notice("server_back")
    console.file.truncate(0)
    display._draw()
    said = shown(console)
    assert [number for number in range(5) if f"error {number}" in said] == [2, 3, 4]
    assert "failed s.csv:14: error 4 · Österreich Kunden · request r-4" in said
    assert "the server answers again" in said
    assert "throttled" not in said
    display.close()


async def test_a_failure_does_not_read_brackets_as_a_style():
    console = terminal()
    display = Display(console)
    display.started("nightly", 1, TALLY)
    display.failed(SPEC, "failed", "400 [bold]name[/bold]: taken", None)
    display._draw()
    assert "400 [bold]name[/bold]: taken" in shown(console)
    display.close()


async def test_the_cursor_comes_back_at_the_end_and_nothing_is_drawn_after_it():
    console = terminal()
    display = Display(console)
    display.checking("nightly")
    display.started("nightly", 1, TALLY)
    display.ended({"exit": 0})
    drawn = console.file.getvalue()
    assert shown(console).rstrip().splitlines()[-1].endswith("4,003/12,345  in 0.0 s")
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    display._draw()
    assert console.file.getvalue() == drawn


async def test_the_bar_ends_at_100_percent_and_never_before_all_is_done():
    console, tally = terminal(), Tally(total=1000, created=999)
    display = Display(console)
    display.started("nightly", 1, tally)
    assert "99 %" in shown(console)
    tally.created += 1
    display.ended({"exit": 0})
    last = shown(console).rstrip().splitlines()[-1]
    assert "100 %  1,000/1,000  in" in last


def test_the_bar_of_a_run_with_nothing_to_do_is_full():
    console = terminal()
    console.print(picture("nightly, run 2", Meter(Tally(), lambda: 0.0).read(), []))
    assert "\x1b[32m━━━" in console.file.getvalue()
    assert "100 %  0/0" in shown(console)


async def test_a_picture_that_would_be_the_same_is_not_drawn_again():
    console, tally = terminal(), Tally(total=9, allowed=5)
    display = Display(console, lambda: 0.0)
    display.started("nightly", 1, tally)
    drawn = len(console.file.getvalue())
    display._draw()
    assert len(console.file.getvalue()) == drawn
    tally.created += 1
    display._draw()
    assert len(console.file.getvalue()) > drawn
    display.close()


async def test_nothing_in_a_name_or_an_error_steers_the_terminal():
    console = terminal()
    display = Display(console)
    display.started("nightly", 1, TALLY)
    display.failed(SPEC, "failed", "\x1b]0;title\x07\nforged line", None)
    display._draw()
    assert "\x1b]0;" not in console.file.getvalue()
    assert "·]0;title··forged line" in shown(console)
    display.close()


def test_a_notice_before_the_picture_is_printed_whole():
    console = terminal(40)
    Display(console).notice("changed", name="x" * 60)
    assert shown(console) == f"changed name {'x' * 60}\n"
