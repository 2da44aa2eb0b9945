"""A job that was run against a sandbox in this process, for what comes after a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bulkseg.checkpoint import SpecRow, read
from bulkseg.eloqua.sites import Site, load_site
from bulkseg.job import Job, load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, run
from bulkseg.sandbox import Sandbox, Settings, environment, serve
from bulkseg.sandbox.store import Asset
from bulkseg.stop import Stop
from bulkseg.summary import Summary
from bulkseg.visit import Case, case_of

ELEMENTS = """[{"type": "ContactFilterSegmentElement", "id": "-3", "isIncluded": "true", "filter": {
  "type": "ContactFilter", "id": "-2", "name": "F", "scope": "local", "statement": "-1", "criteria": [
    {"type": "ContactFieldCriterion", "id": "-1", "fieldId": "100012",
     "condition": {"type": "TextValueCondition", "operator": "equal", "value": "%s"}}]}}]"""


class Quiet:
    """An observer that only keeps the notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def started(self, *_: object) -> None: ...
    def failed(self, *_: object) -> None: ...
    def ended(self, *_: object) -> None: ...
    def notice(self, event: str, **_: object) -> None:
        self.notices.append(event)


@dataclass(frozen=True, slots=True)
class Provisioned:
    sandbox: Sandbox
    site: Site
    job: Job
    observer: Quiet

    async def run(self, **options: Any) -> Summary:
        chosen = RunOptions(**{"rate": 500.0, **options})
        return await run(self.job, chosen, self.site, observer=self.observer, stop=Stop())

    def case(self, *, job: bool = True) -> Case:
        return case_of(self.job.checkpoint, self.job if job else None, 500.0)

    def rows(self, *states: State) -> list[SpecRow]:
        with read(self.job.checkpoint) as reader:
            return list(reader.specs(states))

    def row(self, name: str) -> SpecRow:
        (row,) = [row for row in self.rows() if row.name == name]
        return row

    def names(self) -> list[str]:
        return [asset.name for asset in self.sandbox.store.segments()]

    def asset(self, name: str) -> Asset:
        (asset,) = self.sandbox.store.named(name)
        return asset

    def change(self, which: str, **changes: Any) -> None:
        """Somebody works on the segment of that name in Eloqua; by default our own user."""
        asset = self.asset(which)
        kept = {"name": asset.name, "description": asset.description, "rest": orjson.loads(asset.rest)}
        self.sandbox.store.update(asset, **(kept | changes))


@asynccontextmanager
async def provisioned(
    folder: Path,
    names: Iterable[str],
    settings: Settings | None = None,
    *,
    discover: bool = True,
    seed: Iterable[str] = (),
    **options: Any,
) -> AsyncIterator[Provisioned]:
    """One segment a name, made by one run. `seed` are segments of user 77 that stood there before."""
    source = folder / "segments.csv"
    write_source(source, names)
    async with serve(settings or Settings()) as sandbox:
        for name in seed:
            sandbox.store.add(name, created_by=77)
        variables = environment(sandbox.url)
        if discover:
            del variables["ELOQUA_BASE_URL"]
        place = Provisioned(sandbox, load_site(None, variables), load_job(source), Quiet())
        await place.run(**options)
        yield place


def write_source(source: Path, names: Iterable[str]) -> None:
    lines = ["name,elements"]
    for name in names:
        elements = " ".join((ELEMENTS % name).split()).replace('"', '""')
        lines.append(f'{name},"{elements}"')
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
