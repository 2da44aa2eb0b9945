"""The pictures, drawn by pygal as SVG that the page's own style sheet colours.

pygal brings a style sheet, a script and texts for its tooltips along; the page's policy would refuse the
first two, and the drawing needs none of them, so they are taken out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup
from pygal.style import Style

from bulkseg.model import State
from bulkseg.report import wording
from bulkseg.report.findings import Latency, Moment

WIDE, NARROW = (1080, 270), (440, 240)
_BARS = 440
_BAR = 34  # high, with the room around it
_TEXT = 15
# Room right of the longest bar for its figure.
_BESIDE = 1.32
_TICKS = {WIDE: 8, NARROW: 4}
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
# pygal looks for plugins with it, of which there are none here; Python 3.11 warns of finders of its age.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder) is not pygal.PluginImportFixer]

_TAKEN_OUT = {"defs", "desc", "title", "metadata"}


def course(moments: Sequence[Moment], allowed: float | None, size: tuple[int, int]) -> Markup:
    """Specs ended a second, all and bad ones, and the rate allowed, if it is known, as a line above."""
    end = moments[-1].at
    highest = max([moment.ended for moment in moments] + [allowed or 0.0])
    chart = _chart(pygal.XY, size, show_dots=False, fill=True, show_x_guides=False, range=(0, highest * 1.08))
    chart.x_labels = _ticks(end, _TICKS[size])
    chart.x_value_formatter = wording.clock
    chart.y_labels = [0, *_levels(highest)]
    chart.value_formatter = wording.rate
    chart.add("ended", [(moment.at, moment.ended) for moment in moments])
    chart.add("bad", [(moment.at, moment.bad) for moment in moments])
    if allowed is not None:
        chart.add("allowed", [(0, allowed), (end, allowed)], fill=False)
    return _drawn(chart)


def latency(found: Latency) -> Markup:
    """The percentiles, one bar each."""
    labels, values = zip(*found.percentiles, strict=True)
    return _bars(labels, values, wording.seconds, ["plain"] * len(labels))


def outcomes(states: Mapping[State, int]) -> Markup:
    """The states that there are, one bar each, in the colour of the state."""
    there = [state for state, count in states.items() if count]
    return _bars(there, [states[state] for state in there], wording.number, there)


def _bars(
    labels: Sequence[str], values: Sequence[float], written: Callable[[Any], str], classes: Sequence[str]
) -> Markup:
    """Bars from the top down, each with its figure beside it."""
    chart = _chart(
        pygal.HorizontalBar,
        (_BARS, _BAR * len(labels)),
        print_values=True,
        print_values_position="top",
        show_x_labels=False,
        show_x_guides=False,
        show_y_guides=False,
        range=(0, max(values) * _BESIDE),
    )
    chart.x_labels = [str(label) for label in reversed(labels)]
    bars = zip(values, classes, strict=True)
    shown = [{"value": value, "node": {"class": f"bar {name}"}} for value, name in bars]
    chart.add("values", shown[::-1], formatter=written)
    return _drawn(chart)


def _chart(kind: type[Any], size: tuple[int, int], **options: Any) -> Any:
    # The style is needed for its sizes only: pygal leaves room for texts by them.
    style = Style(label_font_size=_TEXT, major_label_font_size=_TEXT, value_font_size=_TEXT)
    return kind(
        width=size[0],
        height=size[1],
        style=style,
        js=(),
        no_prefix=True,
        show_legend=False,
        disable_xml_declaration=True,
        explicit_size=False,
        margin=2,
        **options,
    )


def _drawn(chart: Any) -> Markup:
    chart.add_xml_filter(_plain)
    return Markup(chart.render(is_unicode=True))  # noqa: S704  # pygal has escaped the texts in it


def _plain(root: Element) -> Element:
    """Without what would need a style or a script of its own, or is there for tooltips."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not _needed(child):
                parent.remove(child)
    root.attrib.pop("id", None)
    # The figure around it says in words what it shows.
    root.set("aria-hidden", "true")
    return root


def _needed(element: Element) -> bool:
    tag: object = element.tag
    # The tag of a comment is a function.
    return (
        isinstance(tag, str) and tag not in _TAKEN_OUT and "tooltip-overlay" not in element.get("class", "")
    )


def _ticks(end: float, most: int) -> list[int]:
    step = next((step for step in _STEPS if end / step <= most), round(end / most))
    return list(range(0, int(end) + 1, step))


def _levels(highest: float) -> list[float]:
    """Three to five round levels up to the highest."""
    sizes = [factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 5)]
    step = next((small for small, large in pairwise(sizes) if highest / small <= 5), highest)  # noqa: PLR2004  # levels
    return [step * place for place in range(1, int(highest / step) + 1)]
