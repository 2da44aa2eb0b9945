"""The rows and jobs that the benchmarks are run on."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_COUNTRIES = ("Åland Islands", "Brazil", "Côte d'Ivoire", "Germany", "Namibia", "Türkiye", "Viet Nam")
_BATCH = 50_000

# Ten strings to render: a name, a description and eight in the filter, as a job of some size has them.
_TEN_STRINGS = """
[job]
name = "ten"

[source]
path = "{source}"
key = ["name"]

[[segment]]
template = "ten"
name = "{{{{ name }}}}"
description = "{{{{ description }}}}, {{{{ name }}}}"
body_file = "ten.json"
"""
_TYPES = {"isIncluded": "true", "type": "ContactFilterSegmentElement", "id": "-2"}


def names(rows: int) -> Iterator[str]:
    """So many names, each of them once."""
    for number in range(rows):
        yield f"{_COUNTRIES[number % len(_COUNTRIES)]} customers {number:07}"


def write(path: Path, rows: int) -> Path:
    """A CSV or Parquet file of so many segments to create, which is a job without a job file."""
    if path.suffix == ".parquet":
        _write_parquet(path, rows)
        return path
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("name", "description"))
        writer.writerows((name, "made by a benchmark") for name in names(rows))
    return path


def write_job(source: Path) -> Path:
    """A job file beside `source` whose template has ten strings to render."""
    strings = [f"{{{{ name }}}} {number}" for number in range(8)]
    criteria = [
        {
            "type": "ContactFieldCriterion",
            "id": f"-{10 + number}",
            "fieldId": "100012",
            "condition": {"type": "TextValueCondition", "operator": "equal", "value": value},
        }
        for number, value in enumerate(strings)
    ]
    statement = " AND ".join(one["id"] for one in criteria if isinstance(one["id"], str))
    inner = {"type": "ContactFilter", "id": "-1", "name": "all", "criteria": criteria, "statement": statement}
    body = {"elements": [{**_TYPES, "filter": {**inner, "scope": "local"}}]}
    (source.parent / "ten.json").write_text(json.dumps(body), encoding="utf-8")
    job = source.with_name("ten.toml")
    job.write_text(_TEN_STRINGS.format(source=source.name), encoding="utf-8")
    return job


def _write_parquet(path: Path, rows: int) -> None:
    import pyarrow as pa  # not by those who start measured children: see children.py
    import pyarrow.parquet as pq

    schema = pa.schema([("name", pa.string()), ("description", pa.string())])
    left = names(rows)
    with pq.ParquetWriter(path, schema) as writer:
        while batch := list(islice(left, _BATCH)):
            columns = {"name": batch, "description": ["made by a benchmark"] * len(batch)}
            writer.write_table(pa.table(columns, schema))


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]), int(sys.argv[2]))
