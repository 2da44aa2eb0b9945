"""The formats that pandas, orjson and pyarrow write: CSV, JSON Lines and Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bulkseg.results.formula import is_formula
from bulkseg.results.frames import COLUMNS, SCHEMA, TEXT, change

_ROW_GROUP = 20_000  # held in memory; but many small ones make a Parquet file large and slow to read


def write_csv(frames: Iterable[pd.DataFrame], out: BinaryIO) -> None:
    """CSV in UTF-8, one header, null as an empty cell, formulas made harmless."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    try:
        for number, frame in enumerate(frames):
            change(frame, TEXT, _harmless)
            change(frame, ["reconciled"], lambda cell: "true" if cell else "false")
            # RFC 4180's line end: with another one the csv module leaves a lone CR in a cell unquoted
            frame.to_csv(text, index=False, header=number == 0, lineterminator="\r\n")
    finally:
        text.detach()  # or it would close the stream, which is its owner's


def write_jsonl(frames: Iterable[pd.DataFrame], out: BinaryIO) -> None:
    """One JSON object a line, its members in the order of the columns."""
    for frame in frames:
        objects = (dict(zip(COLUMNS, row, strict=True)) for row in frame.itertuples(index=False, name=None))
        out.writelines(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in objects)


def write_parquet(frames: Iterable[pd.DataFrame], out: BinaryIO) -> None:
    """Parquet with one fixed schema, whatever the rows hold."""
    gathered: list[pa.Table] = []
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as writer:
        for frame in frames:
            gathered.append(pa.Table.from_pandas(frame, SCHEMA, preserve_index=False))
            if sum(map(len, gathered)) >= _ROW_GROUP:
                writer.write_table(pa.concat_tables(gathered))
                gathered.clear()
        if gathered:
            writer.write_table(pa.concat_tables(gathered))


def _harmless(cell: str | None) -> str | None:
    """A single quote in front keeps a spreadsheet from running the cell; anything else goes through."""
    return f"'{cell}" if cell is not None and is_formula(cell) else cell
