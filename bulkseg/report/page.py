"""The page: one HTML document that asks nobody for anything, and in which every text is escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bulkseg.model import State
from bulkseg.report import charts, wording
from bulkseg.report.findings import Findings, Run
from bulkseg.version import version

_HERE = Path(__file__).parent
_DONE = (State.CREATED, State.ADOPTED, State.SKIPPED, State.UNDONE)
# With fewer steps there is no course to see.
_FEWEST = 3


def page(
    findings: Findings,
    *,
    checkpoint: str,
    now: float,
    allowed: float | None = None,
    trouble: str | None = None,
) -> str:
    """The whole document.

    `checkpoint` is what the commands on the page name; `now` is Unix time in seconds; `allowed` the rate of
    the job, in requests a second, if it is known; `trouble` why the last call began no run, if so.
    """
    course, last = findings.course, findings.runs[-1] if findings.runs else None
    drawn = course is not None and len(course.moments) >= _FEWEST
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            it=findings,
            last=last,
            summary=(last.summary if last else None),
            checkpoint=checkpoint,
            now=now,
            allowed=allowed,
            trouble=trouble,
            stopped=_stopped(last),
            done=sum(findings.states[state] for state in _DONE),
            drawn=drawn,
            policy=_policy(),
            version=version(),
        )
    )


def _stopped(last: Run | None) -> str | None:
    return last.summary["stopped"] if last and last.summary else None


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True,
        loader=FileSystemLoader(_HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (wording.seconds, wording.clock, wording.rate, wording.number, wording.moment, wording.iso)
    made.filters |= {word.__name__: word for word in words}
    made.globals |= {
        "charts": charts,
        "State": State,
        "style": Markup(_read("page.css")),  # noqa: S704  # our own file
        "script": Markup(_read("page.js")),  # noqa: S704  # our own file
    }
    return made


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy() -> str:
    """What the browser may do: use our style and our script, and nothing else."""
    style, script = (_hash(_read(name)) for name in ("page.css", "page.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
