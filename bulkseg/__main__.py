"""`python -m bulkseg` is `bulkseg`."""

from __future__ import annotations

import sys

from bulkseg.cli import main

sys.exit(main())
