"""CSV, TSV, Parquet and Excel files -> batches of rows, in bounded memory; every cell as text."""

from bulkseg.rows.place import STDIN, labels_of
from bulkseg.rows.source import Source, open_source

__all__ = ["STDIN", "Source", "labels_of", "open_source"]
