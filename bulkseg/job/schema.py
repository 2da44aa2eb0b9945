"""The JSON Schema of a job file (draft 2020-12), for editors that check and complete TOML by one."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bulkseg.job.limits import Share
from bulkseg.job.tables import JobFile


def job_schema() -> dict[str, Any]:
    """The schema. It allows what TOML can say and the job file takes, dates left out: JSON has none."""
    schema = JobFile.model_json_schema(schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, **schema, "title": "A bulkseg job"}


class _Generator(GenerateJsonSchema):
    """As pydantic does it, but for what TOML has not: there is no null, so nothing is null by default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        if isinstance(default, Share):
            return {**inner, "default": str(default)}
        return {**inner, "default": default} if isinstance(default, str | int | float) else inner

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False
