"""bulkseg: provisions Oracle Eloqua contact segments in bulk, never one twice, never an id lost.

For programs: `from bulkseg import plan, run`. What is named here is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "AnotherSite",
    "BulksegError",
    "CanaryDiffers",
    "CheckpointBusy",
    "CheckpointError",
    "CheckpointLost",
    "ConfigError",
    "Event",
    "InputError",
    "Job",
    "OngoingRun",
    "Plan",
    "Problem",
    "RunOptions",
    "ServerGone",
    "SignInRefused",
    "Site",
    "State",
    "Stopped",
    "StorageFull",
    "Summary",
    "TooManyFailures",
    "load_site",
    "located",
    "plan",
    "results_frame",
    "run",
    "run_sync",
    "start",
]

if TYPE_CHECKING:
    from bulkseg.api import OngoingRun, plan, run, run_sync, start
    from bulkseg.eloqua.sites import Site, load_site
    from bulkseg.errors import (
        AnotherSite,
        BulksegError,
        CanaryDiffers,
        CheckpointBusy,
        CheckpointError,
        CheckpointLost,
        ConfigError,
        InputError,
        Problem,
        ServerGone,
        SignInRefused,
        Stopped,
        StorageFull,
        TooManyFailures,
    )
    from bulkseg.event import Event
    from bulkseg.frame import results_frame
    from bulkseg.job import Job
    from bulkseg.location import located
    from bulkseg.model import State
    from bulkseg.planning import Plan, RunOptions
    from bulkseg.summary import Summary
else:
    # Where the others are; the errors have no room of their own here.
    _HOMES = {
        "Event": "event",
        "Job": "job",
        "OngoingRun": "api",
        "Plan": "planning",
        "RunOptions": "planning",
        "Site": "eloqua.sites",
        "State": "model",
        "Summary": "summary",
        "load_site": "eloqua.sites",
        "located": "location",
        "plan": "api",
        "results_frame": "frame",
        "run": "api",
        "run_sync": "api",
        "start": "api",
    }

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
