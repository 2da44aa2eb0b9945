"""Rows and templates -> specs: compiled once against the columns of the source, then a row at a time."""

from bulkseg.expand.compiling import compile_job
from bulkseg.expand.expander import Expander

__all__ = ["Expander", "compile_job"]
