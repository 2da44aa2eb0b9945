"""The log: structlog to stderr, as JSON lines or for a reader's eyes, with every secret taken out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

Level = Literal["debug", "info", "warning", "error"]
Style = Literal["json", "console"]

MASK = "[redacted]"

_SECRET_KEY = re.compile(r"pass(word|wd)|secret|token|authorization|api_?key|cookie", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{4,}")

# A shorter one would be found inside ordinary words, and taking it out would spoil more than it hides.
_SHORTEST_SEARCHED = 6


class Redactor:
    """Takes out of texts and events: secrets it was told, what stands under telling keys, credentials."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def learn(self, *secrets: str) -> None:
        """From now on these values are masked wherever they turn up inside a text."""
        self._known.update(secret for secret in secrets if len(secret) >= _SHORTEST_SEARCHED)

    def text(self, text: str) -> str:
        """`text` without any secret that is known, or that looks like an authorization header."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return _CREDENTIALS.sub(rf"\1 {MASK}", text)

    def value(self, value: Any, key: str = "") -> Any:
        """`value`, looked through to its last part; what a key such as `password` leads to is masked."""
        if _SECRET_KEY.search(key):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.value(part, str(name)) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(part) for part in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(str(value))

    def __call__(self, _logger: Any, _method: str, event: Any) -> Any:
        """As a structlog processor. What starts with `_` is structlog's own."""
        return {key: part if key.startswith("_") else self.value(part, key) for key, part in event.items()}


secrets = Redactor()


class _Stderr:
    """Whatever sys.stderr is at the moment: a live display puts itself in its place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _renderer(style: Style) -> Processor:
    if style == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def configure(level: Level = "info", style: Style = "json") -> None:
    """Sends the log to stderr from `level` on.

    What libraries log with the standard library takes the same way, from `warning` on, so that every line of
    a machine's log is one JSON document.
    """
    common: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        secrets,
    ]
    structlog.configure(
        processors=[*common, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(_Stderr())
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[ProcessorFormatter.remove_processors_meta, _renderer(style)],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("bulkseg").setLevel(level.upper())


def get_logger() -> structlog.stdlib.BoundLogger:
    """The one logger of this package; `bind` it to what all of its lines are about."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("bulkseg")
    return logger
