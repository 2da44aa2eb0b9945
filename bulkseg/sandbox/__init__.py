"""The sandbox: a local Eloqua to try, rehearse and test jobs against.

`settings` says how it behaves and `faults` what it does to requests on purpose; `server` serves it. `store`
keeps its state; `search` and `listing` read what a list is asked for; `segments` and `folders` answer
requests, `elements` knows a segment's inside, `rejections` the form of errors; `gate` says who may come in
and how often, `oauth` knows their tokens; `wire` writes answers, and spoils them; `app` puts these together.

Names are fetched from their modules when first asked for, so that the command line can know the settings
without importing aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bulkseg.sandbox.faults import Fault, FaultKind, parse_fault
    from bulkseg.sandbox.server import Sandbox, environment, run, serve, token_environment
    from bulkseg.sandbox.settings import Kept, Names, Settings, Unique, Wins

__all__ = [
    "Fault",
    "FaultKind",
    "Kept",
    "Names",
    "Sandbox",
    "Settings",
    "Unique",
    "Wins",
    "environment",
    "parse_fault",
    "run",
    "serve",
    "token_environment",
]

_MODULES = {
    "faults": ("Fault", "FaultKind", "parse_fault"),
    "server": ("Sandbox", "environment", "run", "serve", "token_environment"),
    "settings": ("Kept", "Names", "Settings", "Unique", "Wins"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """One of `__all__`, from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
