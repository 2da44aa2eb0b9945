"""Where large temporary files lie."""

from __future__ import annotations

import os


def folder() -> str | None:
    """The folder, as `tempfile` takes it. Its own default is often memory, which is what they are to save."""
    big = "/var/tmp"  # noqa: S108 - whoever makes a file in it does so by `tempfile`
    if os.environ.get("TMPDIR") or not os.access(big, os.W_OK):
        return None
    return big
