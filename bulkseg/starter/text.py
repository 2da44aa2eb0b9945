"""The job file itself: what was guessed, and in comments what else there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from bulkseg.job.templates import Scope, TemplateFault, compile_text
from bulkseg.starter.guess import Guess
from bulkseg.starter.head import Head

_MORE = """\
# folder = "Nightly/2026"   # where they go, by path; or folderId = "180344"
# for_each.audience = ["Customers", "Prospects"]  # each row once for each; put {{ audience }} into the name
# body_file = "body.json"   # the filter; `bulkseg pull ID -o body.json` takes one from a segment that exists
"""

_WHEN = """# when = "tier == 'gold'"   # an expression: a row for which it is false makes nothing here"""

_END = """\
# The values here are the defaults; take the # away from the table and the line that you change.
# [limits]
# rate = 10                 # requests a second to this site
# concurrency = 8           # requests under way at once
# max_failures = "5%"       # or a count such as 50: more than that stop the run
# timeout = "30s"           # one request, whole

# [results]
# if_exists = "fail"        # where the name is taken: fail, skip, adopt, ignore
"""

_ID = re.compile("[1-9][0-9]{0,18}")
_PROPERTIES = ("description", "folderId", "elements")


def job_text(head: Head, guessed: Guess, *, source: str, checkpoint: str | None) -> str:
    """The job file as TOML. `source` is the data's path in it, `checkpoint` one that is not the default."""
    return "\n".join(_lines(head, guessed, source, checkpoint)) + "\n"


def _lines(head: Head, guessed: Guess, source: str, checkpoint: str | None) -> Iterator[str]:
    yield "# A job for bulkseg. `bulkseg plan` checks it and sends nothing; `bulkseg run` makes the segments."
    yield "#"
    yield "# Texts are templates. They see the columns of the source:"
    yield from (f"#   {_comment(value_of(column))}" for column in head.columns)
    yield ""
    yield "[job]"
    if checkpoint is not None:
        yield f"checkpoint = {toml(checkpoint)}  # the usual place has another job's"
    yield '# site = "acme"           # whose credentials; without it the plain ELOQUA_... variables'
    yield ""
    yield "[source]"
    yield f"path = {toml(source)}"
    yield from _key(guessed)
    yield ""
    yield from _segments(head, guessed)
    yield _END.rstrip()


def _key(guessed: Guess) -> Iterator[str]:
    yield "# What a row is known by from run to run; without it the name: then a new name is a new segment."
    if guessed.key:
        yield f"key = [{', '.join(map(toml, guessed.key))}]"
    else:
        yield '# key = ["code"]'


def _segments(head: Head, guessed: Guess) -> Iterator[str]:
    copied = _called(head, "source_id")
    if copied is None or not _fits(head, "source_id", copied):
        yield from _segment("segment", head, guessed)
        return
    value = value_of(copied)
    expression = value.removeprefix("{{ ").removesuffix(" }}")
    yield "# A row whose source_id is empty is created, any other is a copy of that segment."
    yield from _segment("create", head, guessed, f"when = {toml(f'not {expression}')}")
    copy = ('action = "copy"', f"when = {toml(expression)}", f"source_id = {toml(value)}")
    yield from _segment("copy", head, guessed, *copy)


def _segment(template: str, head: Head, guessed: Guess, *own: str) -> Iterator[str]:
    yield "[[segment]]"
    yield f'template = "{template}"'
    yield from own or [_WHEN]
    if not guessed.name:
        yield "# Only the line tells the first rows apart; a column with a name would be better."
    name = " ".join(map(value_of, guessed.name)) or "segment {{ _line }}"
    yield f"name = {toml(name)}"
    for name in _PROPERTIES:
        column = _called(head, name)
        if column is not None and _fits(head, name, column):
            yield f"{name} = {toml(value_of(column))}"
    yield _MORE


def _called(head: Head, name: str) -> str | None:
    """The column of that name, whatever its case, blanks and underscores."""
    plain = {_plain(column): column for column in reversed(head.columns)}
    return plain.get(_plain(name))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _fits(head: Head, name: str, column: str) -> bool:
    cells = [row[column] for row in head.rows if row[column]]
    if name in {"folderId", "source_id"}:
        return all(_ID.fullmatch(cell) for cell in cells)
    return name != "elements" or all(cell.lstrip().startswith("[") for cell in cells)


def value_of(column: str) -> str:
    """The template that gives a column's cell, whatever the column is called."""
    plain = "{{ " + column + " }}"
    try:
        if column.isidentifier() and compile_text(plain, Scope((column,), {}), "").column == column:
            return plain
    except TemplateFault:  # a word of Jinja's, such as `in`
        pass
    return '{{ row["' + "".join(map(_in_jinja, column)) + '"] }}'


def _in_jinja(letter: str) -> str:
    """A letter within Jinja's double quotes."""
    if letter in '"\\':
        return f"\\{letter}"
    return (
        letter if letter.isprintable() and letter not in "{}%#" else letter.encode("unicode-escape").decode()
    )


def toml(text: str) -> str:
    """A TOML string; in single quotes where that spares backslashes."""
    if any(mark in text for mark in '"\\') and "'" not in text and text.isprintable():
        return f"'{text}'"
    # TOML's basic strings are JSON's, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
