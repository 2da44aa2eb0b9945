"""The log: structlog to stderr, as JSON lines or for a reader's eyes, with every secret taken out."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from bulkseg.redact import secrets

Level = Literal["debug", "info", "warning", "error"]
Style = Literal["json", "console"]


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
