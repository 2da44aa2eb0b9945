"""`bulkseg schema`: the job file's JSON Schema."""

from __future__ import annotations

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json

EXAMPLES = """\
bulkseg schema > job.schema.json
"""


def schema(*, log_level: options.LogLevelOption = "info") -> None:
    """Print the job file's JSON Schema, for editors.

    Draft 2020-12. An editor that knows TOML checks and completes a job by it: in VS Code with Even Better
    TOML, and wherever else taplo is at work, by a first line `#:schema job.schema.json` in the job file.
    """
    with guarded(log_level=log_level):
        from bulkseg.job.schema import job_schema

        print_json(job_schema())
