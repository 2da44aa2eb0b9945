"""Which bulkseg this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version that is installed; "0" where it runs from a checkout that is not."""
    try:
        return metadata.version("bulkseg")
    except metadata.PackageNotFoundError:
        return "0"
