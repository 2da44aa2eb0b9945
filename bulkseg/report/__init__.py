"""The report: what is on record of a job as one HTML page that needs nothing but itself.

It is gathered from a checkpoint in one pass (`gather`), in memory that does not grow with it, and then drawn
(`page`).
"""

from __future__ import annotations

from bulkseg.report.findings import Findings
from bulkseg.report.gathering import gather
from bulkseg.report.page import page

__all__ = ["Findings", "gather", "page"]
