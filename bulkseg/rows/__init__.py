"""CSV, TSV, Parquet and Excel files -> batches of rows, in bounded memory; every cell as text."""

from bulkseg.rows.source import Source, open_source

__all__ = ["Source", "open_source"]
