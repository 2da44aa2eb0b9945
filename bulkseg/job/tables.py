"""The tables of a job file as pydantic models: which keys there are, and what may stand in them."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from bulkseg.job.limits import Limits
from bulkseg.job.suggest import hint

IfExists = Literal["fail", "skip", "adopt", "ignore"]


def as_text(value: Any) -> Any:
    """A TOML number, boolean or date as the text that was meant; anything else is left to be checked."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _one_of(*choices: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}{hint(str(value), choices)}")
        return value

    return BeforeValidator(check)


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(
            f"{name!r} must be letters, digits and _ only, so that templates can use it as a name"
        )
    return name


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("holds a value twice")
    return values


def _array_or_text(value: Any) -> Any:
    if not isinstance(value, list | str):
        raise ValueError("must be an array of elements")  # noqa: TRY004 - pydantic wants a ValueError
    try:
        orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"cannot be sent as JSON: {error}") from error
    return value


TEXT_OR_TEXTS = {"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": "string"}}

Filled = Annotated[str, StringConstraints(min_length=1)]
Text = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Identifier = Annotated[str, AfterValidator(_identifier)]
Distinct = AfterValidator(_distinct)


class Table(BaseModel):
    """One table of the file: no key beyond those named, no value changed from one type to another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class JobTable(Table):
    """[job]."""

    name: Filled | None = Field(default=None, description="What the job is called; default: the file's name.")
    site: Filled | None = Field(
        default=None, description="Whose credentials: ELOQUA__NAME__PASSWORD and so on."
    )
    checkpoint: Filled | None = Field(
        default=None,
        description="Where its checkpoint lies, a file or postgresql://…; a template over vars and today.",
    )


class SourceTable(Table):
    """[source]: paths relative to the job file, and the columns that make the key."""

    path: Annotated[
        list[Filled], BeforeValidator(_as_list), Field(min_length=1), WithJsonSchema(TEXT_OR_TEXTS)
    ] = Field(description=".csv .tsv (also .gz) .parquet .xlsx, a glob, a list of these, or - for stdin.")
    key: Annotated[list[Filled], Distinct] = Field(
        default=[],
        description="The columns that a row is known by from run to run; default: the rendered name.",
    )


class Properties(Table):
    """Properties of the body, named as Eloqua names them. [defaults] is made of these alone.

    `folder` is none of them: it is a path, that stands for a `folderId`.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, json_schema_extra={"not": {"required": ["folder", "folderId"]}}
    )

    name: Text | None = None
    description: Text | None = None
    folder_id: Text | None = None
    folder: Text | None = Field(
        default=None,
        description="The folder's path from the root, such as Nightly/2026, in place of folderId.",
    )
    current_status: Text | None = None
    source_template_id: Text | None = None
    type: Text | None = None
    created_by_name: Text | None = None
    updated_by_name: Text | None = None
    is_stale: Text | None = None
    dependency_name: Text | None = None
    elements: Annotated[
        Any, AfterValidator(_array_or_text), WithJsonSchema({"type": ["array", "string"]})
    ] = Field(default=None, description="What the segment is made of, or one column of JSON: {{ column }}.")

    def given(self) -> dict[str, Any]:
        """The body's properties that the file sets, by Eloqua's names."""
        own = set(Properties.model_fields) - {"folder"}
        return self.model_dump(by_alias=True, exclude_unset=True, include=own)


class SegmentTable(Properties):
    """[[segment]]: what each row makes, and the properties of its body."""

    template: Filled | None = Field(default=None, description="This block's name; part of the key.")
    action: Annotated[Literal["create", "copy"], _one_of("create", "copy")] = "create"
    when: Filled | None = Field(
        default=None, description="A Jinja expression; a row for which it is false makes nothing."
    )
    for_each: dict[Identifier, Annotated[list[Text], Distinct, Field(min_length=1)]] = Field(
        default={}, alias="for_each", description="A matrix: each row once for each choice; part of the key."
    )
    source_id: Text | None = Field(
        default=None, alias="source_id", description="The id of the segment to copy; for action = copy."
    )
    body_file: Filled | None = Field(
        default=None,
        alias="body_file",
        description="A JSON file whose strings are templates, as pull writes them.",
    )


class ResultsTable(Table):
    """[results]."""

    if_exists: Annotated[IfExists, _one_of("fail", "skip", "adopt", "ignore")] = Field(
        default="fail", description="What to do where a segment of the name stands already."
    )


class JobFile(Table):
    """The whole file."""

    job: JobTable = JobTable()
    source: SourceTable
    vars: dict[Identifier, Text] = {}
    defaults: Properties = Properties()
    segment: Annotated[list[SegmentTable], Field(min_length=1)]
    limits: Limits = Limits()
    results: ResultsTable = ResultsTable()


TABLES: dict[str, type[BaseModel]] = {
    "job": JobTable,
    "source": SourceTable,
    "defaults": Properties,
    "segment": SegmentTable,
    "limits": Limits,
    "results": ResultsTable,
}
