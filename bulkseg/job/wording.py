"""What pydantic found wrong with a job file, in words: the table, the key, and the nearest known one."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bulkseg.errors import Problem
from bulkseg.job.suggest import hint
from bulkseg.job.tables import TABLES, JobFile
from bulkseg.properties import READ_ONLY

_WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_short": "must not be empty",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
}
_MISSING = {
    "source": "is missing; add [source] with path = the file whose rows are to be made",
    "segment": "is missing; add a [[segment]] table that says what each row makes",
}


def problems(error: ValidationError, file: str) -> Iterator[Problem]:
    """One Problem for each thing that is wrong, its column TABLE.KEY."""
    for detail in error.errors():
        yield Problem(file, _say(detail), column=place(detail["loc"]))


def place(loc: tuple[int | str, ...]) -> str:
    """`("segment", 1, "source_id")` as `segment[2].source_id`: counted from 1, as lines are."""
    text = ""
    for part in loc:
        if part == "[key]":  # pydantic's word for "the name, not its value"
            continue
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _say(detail: ErrorDetails) -> str:
    kind, loc, given = detail["type"], detail["loc"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(loc)
    if kind == "missing" and loc[-1] in _MISSING:
        return _MISSING[str(loc[-1])]
    if kind == "value_error":
        return str(context["error"])
    if loc == ("segment",) and isinstance(given, dict):
        return "must be written [[segment]], in double brackets"
    words = _WORDS[kind].format(**context) if kind in _WORDS else detail["msg"]
    return words if kind in ("missing", "too_short", "string_too_short") else f"{words}, not {given!r}"


def _unknown(loc: tuple[int | str, ...]) -> str:
    key = str(loc[-1])
    model: type[BaseModel] = JobFile if len(loc) == 1 else TABLES[str(loc[0])]
    if key in READ_ONLY and loc[0] in ("segment", "defaults"):
        return "is read-only: Eloqua sets it; take it out"
    what = "table" if model is JobFile else "key"
    return f"is no known {what}{hint(key, _keys(model))}"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
