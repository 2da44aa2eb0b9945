"""What a checkpoint knows of segments and of its site, for whoever finds out about a lost answer.

Only answers to our own requests teach anything here: what was found by looking is not counted as evidence.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import batched

from bulkseg.model import State
