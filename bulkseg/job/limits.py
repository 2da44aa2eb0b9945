"""The [limits] of a job and their units: durations, counts and shares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_WHOLE_PERCENT = 100.0
ENOUGH_ANSWERS = 100


@dataclass(frozen=True, slots=True)
class Count:
    """So many failures."""

    value: int

    def passed(self, failed: int, _ended: int) -> bool:
        """Whether more than that failed."""
        return failed > self.value

    def __str__(self) -> str:
        """As the job file has it."""
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Share:
    """Such a share of the answers: 0.05 is 5 %."""

    value: float

    def passed(self, failed: int, ended: int) -> bool:
        """Whether more than that share failed, once enough specs have ended to speak of a share."""
        return ended >= ENOUGH_ANSWERS and failed > self.value * ended

    def __str__(self) -> str:
        """As the job file has it."""
        return f"{100 * self.value:g}%"


def seconds(value: Any) -> float:
    """`"500ms"`, `"30s"`, `"10m"`, `"1h"` or a number of seconds, as seconds. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f'must be a duration such as "30s", "10m", "1h", "500ms" or a number of seconds, not {value!r}'
        )
    return float(match[1]) * _SECONDS[match[2]]


def count_or_share(value: Any) -> Count | Share:
    """`"5%"` as a Share, a whole number as a Count. Raises ValueError."""
    if isinstance(value, Count | Share):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Count(value)
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > _WHOLE_PERCENT:
        raise ValueError(f'must be a count such as 50, or a share such as "5%", not {value!r}')
    return Share(float(match[1]) / _WHOLE_PERCENT)


# As a job file's JSON Schema has them.
_AS_DURATION = WithJsonSchema(
    {"type": ["string", "number"], "pattern": f"^{_DURATION.pattern}$", "examples": ["30s", "10m", "500ms"]}
)
_AS_COUNT_OR_SHARE = WithJsonSchema(
    {"type": ["integer", "string"], "minimum": 0, "pattern": f"^{_SHARE.pattern}$"}
)

Duration = Annotated[float, BeforeValidator(seconds), Field(allow_inf_nan=False)]


class Limits(BaseModel):
    """How fast, how often and how long. `rate` is requests a second, all requests of the site counted.

    `timeout` (one request, whole), `settle` and `give_up_after` are in seconds. `max_failures` as a share
    counts from 100 answers on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=10.0, description="Requests a second, all requests of the site counted."
    )
    concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=8, description="Requests under way at once."
    )
    max_attempts: Annotated[int, Field(ge=1)] = Field(
        default=5, description="Requests for one segment at the most."
    )
    timeout: Annotated[Duration, Field(gt=0), _AS_DURATION] = Field(
        default=30.0, description="For one request as a whole."
    )
    settle: Annotated[Duration, Field(ge=0), _AS_DURATION] = Field(
        default=60.0, description="How long a segment whose answer was lost may be missing from lists."
    )
    max_failures: Annotated[Count | Share, BeforeValidator(count_or_share), _AS_COUNT_OR_SHARE] = Field(
        default=Share(0.05),
        description="More failures than that stop the run: a count, or a share such as 5%.",
    )
    give_up_after: Annotated[Duration, Field(gt=0), _AS_DURATION] = Field(
        default=600.0, description="A server that is silent for so long stops the run."
    )
