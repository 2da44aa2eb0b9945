"""The first segment of each template goes alone and is read back: better one wrong one than thousands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bulkseg import content
from bulkseg.errors import CanaryDiffers
from bulkseg.model import Spec
from bulkseg.outcome import differences


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What is not as it was asked for: `serious` (name, folder) stops the run, `others` are warnings."""

    serious: tuple[str, ...]
    others: tuple[str, ...]


def read_back(spec: Spec, found: Mapping[str, Any]) -> ReadBack:
    """Compares a segment that was made with its spec; the ids of its parts are the server's to give."""
    serious = differences(spec, found)
    asked = orjson.loads(spec.body)
    rest = {name: value for name, value in asked.items() if name not in ("name", "folderId")}
    return ReadBack(tuple(serious), tuple(content.differences(rest, found)))


def refusal(spec: Spec, segment_id: str, serious: tuple[str, ...]) -> CanaryDiffers:
    """Why the run stops: what differs, and what to do."""
    return CanaryDiffers(
        f'the first segment of template "{spec.template}" (id {segment_id}, {spec.file}:{spec.line}) is not '
        f"as it was asked for: {'; '.join(serious)}; look at it on the server, then go on with "
        "--accept-warnings, or change the job"
    )
