"""The job that a bare data file implies: its columns are the properties of the segments."""

from __future__ import annotations

from collections.abc import Iterator

from bulkseg.errors import Problem
from bulkseg.job import Job
from bulkseg.job.blocks import ONLY_TEMPLATE, Property, Template
from bulkseg.job.suggest import hint

PROPERTIES = ("name", "description", "folderId", "elements")
IGNORED = "bulkseg_error"  # what `results --as-job` adds for a person to read
COLUMNS = (*PROPERTIES, "action", "source_id", "key", IGNORED)


def bare_problems(job: Job, columns: tuple[str, ...]) -> Iterator[Problem]:
    """What is wrong with the header of a bare data file."""
    file = str(job.path)
    # Parquet has no header line to point at.
    line = None if file.lower().endswith(".parquet") else 1
    if "name" not in columns:
        given = f"the columns are {', '.join(columns)}"
        yield Problem(file, f"is missing; every segment needs a name, and {given}", line, "name")
    for column in columns:
        if column not in COLUMNS:
            unused = [known for known in COLUMNS if known not in (*columns, IGNORED)]
            yield Problem(file, f"is no column that is known here{hint(column, unused)}", line, column)


def bare_template(job: Job, columns: tuple[str, ...]) -> Template:
    """One spec a row. Which action it is, each row says itself."""
    properties = [
        Property(column, f'"{{{{ {column} }}}}"'.encode(), str(job.path), column)
        for column in PROPERTIES
        if column in columns
    ]
    source_id = "{{ source_id }}" if "source_id" in columns else ""
    return Template(ONLY_TEMPLATE, "", None, None, (), source_id, tuple(properties))
