"""Makes a first job file from the columns of a data file: commented, and one that `plan` takes as it is."""

from bulkseg.starter.guess import Guess, guess
from bulkseg.starter.head import Head, read_head
from bulkseg.starter.text import job_text

__all__ = ["Guess", "Head", "guess", "job_text", "read_head"]
