"""What a job's metrics are, and their text: written for Prometheus, and read again by the next run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Metrics:
    """All that there is to tell of a job; None and what is missing in a mapping is not told.

    Times are Unix time in seconds. `started` is the latest run's, `ended` and `exit_status` are those of the
    latest that has ended, `last_success` is the end of the latest that ended with 0. `allowed` and `reached`
    (requests a second) and `in_flight` are of a run that is going on. `run_specs` counts what the latest run
    was to do by what became of it, `specs` all of the source by state, `requests` those of all runs by kind.
    """

    job: str
    site: str
    started: float | None = None
    ended: float | None = None
    exit_status: float | None = None
    last_success: float | None = None
    allowed: float | None = None
    reached: float | None = None
    in_flight: float | None = None
    specs: Mapping[str, float] = field(default_factory=dict)
    run_specs: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Family:
    """How a field of Metrics is called there; `label` is what tells the values of a mapping apart."""

    name: str
    help: str
    label: str | None = None


_FAMILIES = {
    "started": _Family(
        "bulkseg_run_started_timestamp_seconds",
        "When the latest run began. It is going on, or was killed, if this is later than its end.",
    ),
    "ended": _Family("bulkseg_run_ended_timestamp_seconds", "When the latest run ended that has ended."),
    "exit_status": _Family("bulkseg_run_exit_status", "The exit status of the latest run that has ended."),
    "last_success": _Family(
        "bulkseg_last_success_timestamp_seconds", "When the latest run ended that ended with exit status 0."
    ),
    "allowed": _Family(
        "bulkseg_allowed_requests_per_second", "The rate that the run under way keeps to at present."
    ),
    "reached": _Family(
        "bulkseg_reached_requests_per_second", "The rate of the run under way, over its last seconds."
    ),
    "in_flight": _Family(
        "bulkseg_requests_in_flight", "Requests of the run under way without an answer yet."
    ),
    "specs": _Family(
        "bulkseg_specs",
        "All specs of the source by state, as the latest run left them that has ended.",
        "state",
    ),
    "run_specs": _Family(
        "bulkseg_run_specs", "The specs that the latest run was to do, by what has become of them.", "state"
    ),
    "requests": _Family(
        "bulkseg_requests",
        "Requests of all runs: sent (creates and copies) and searches (all others); and of both, those that "
        "met a 429 (throttled) and those that were made again (retried).",
        "kind",
    ),
}
_COUNTERS = frozenset({"requests"})
# The fields of Metrics by their names there.
FIELDS = {
    f"{family.name}_total" if name in _COUNTERS else family.name: name for name, family in _FAMILIES.items()
}


def text(metrics: Metrics) -> bytes:
    """The metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(metrics))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """One family for each field, without those of which there is nothing to tell."""
        families = (_family(name, family, self._metrics) for name, family in _FAMILIES.items())
        return (family for family in families if family.samples)


def _family(name: str, family: _Family, metrics: Metrics) -> Metric:
    value, own = getattr(metrics, name), [] if family.label is None else [family.label]
    kind = CounterMetricFamily if name in _COUNTERS else GaugeMetricFamily
    made = kind(family.name, family.help, labels=["job", "site", *own])
    if own:
        for key, number in value.items():
            made.add_metric([metrics.job, metrics.site, key], number)
    elif value is not None:
        made.add_metric([metrics.job, metrics.site], value)
    return made


class Foreign(ValueError):
    """A metric that is none of these."""


def read(written: str) -> Metrics | None:
    """The metrics that a text holds, None where it holds none at all.

    Raises:
        Foreign: it holds one that is none of these.
        ValueError: it is not in the format.
    """
    found: dict[str, Any] = {}
    for family in text_string_to_metric_families(written):
        for name, labels, value, *_ in family.samples:
            if name not in FIELDS:
                raise Foreign(name)
            found |= {"job": labels.get("job", ""), "site": labels.get("site", "")}
            label = _FAMILIES[FIELDS[name]].label
            if label is None:
                found[FIELDS[name]] = value
            else:
                found.setdefault(FIELDS[name], {})[labels.get(label, "")] = value
    return Metrics(**found) if found else None
