"""The ContactSegment family: checked where it is publicly known, let through unchanged where it is not.

A flaw is a path in the body, its positions counted from 1 (`elements[1].filter.statement`), and what is wrong
there in words.
"""

from bulkseg.segment.checks import CHECKED, check_body
from bulkseg.segment.models import Flaw, tidy

__all__ = ["CHECKED", "Flaw", "check_body", "tidy"]
