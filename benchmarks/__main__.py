"""Runs the benchmarks that are named (all, without a name), prints their tables and keeps their figures."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module

from benchmarks.report import Report, keep, show

# Those that measure memory come first, and each is loaded when it is its turn: see children.py.
BENCHMARKS = (
    *("startup", "loader", "resume", "growth", "throughput"),
    *("durability", "store", "fleet", "sizing", "pace", "simulation"),
)


def main() -> int:
    """0 when every budget is kept, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--turns", type=int, default=5, help="how often; medians are shown (default 5)")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark is called {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}"
        )
    kept = True
    for name in chosen.names or BENCHMARKS:
        report: Report = import_module(f"benchmarks.{name}").measure(max(1, chosen.turns))
        show(report)
        print(f"figures: {keep(name, report, _machine())}\n")
        kept = kept and all(budget.kept for budget in report.budgets)
    return 0 if kept else 1


def _machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
