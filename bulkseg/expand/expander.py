"""Rows -> specs. What a row gets wrong is reported with its file, line and column, and makes no spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bulkseg.errors import Problem
from bulkseg.expand.block import Block, RowFault
from bulkseg.model import Row, Spec

_MAX_WORDS = 400  # characters; a message may quote a cell, and a cell may be as long as a book


@dataclass(frozen=True, slots=True)
class Expander:
    """What compile_job makes. `name_template` says whether a message names the template it is about."""

    blocks: tuple[Block, ...]
    display: Callable[[str], str]
    name_template: bool

    @property
    def foldered(self) -> bool:
        """Whether any spec may name its folder by a path."""
        return any(block.folder.constant != "" for block in self.blocks)

    def expand(self, row: Row, problem: Callable[[Problem], None]) -> list[Spec]:
        """The specs of one row, in the order of the templates. Bad ones go to `problem`, and give no spec."""
        cells = {**row.cells, "_source": row.file, "_line": str(row.line)}
        specs: list[Spec] = []
        told: set[Problem] = set()
        for block in self.blocks:
            try:
                spec = block.make(row, cells)
            except RowFault as fault:
                self._tell(row, block.template, fault, problem, told)
            else:
                if spec is not None:
                    specs.append(spec)
        return specs

    def _tell(
        self, row: Row, template: str, fault: RowFault, problem: Callable[[Problem], None], told: set[Problem]
    ) -> None:
        """Each thing once a row, though every choice of for_each values meets it again."""
        for column, full in fault.flaws:
            what = full if len(full) <= _MAX_WORDS else f"{full[:_MAX_WORDS]}..."
            text = f'{what} (template "{template}")' if self.name_template else what
            found = Problem(self.display(row.file), text, row.line, column)
            if found not in told:
                told.add(found)
                problem(found)
