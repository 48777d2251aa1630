"""Logs of the service: to stderr, one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import orjson

NAME = "risk_model.serving"
_ENCODER = json.JSONEncoder(default=str)


class JsonLine(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except TypeError:
            # Text that is no Unicode, such as a file's name, or a value that is no plain data.
            return _ENCODER.encode(line)


def to_stderr(level: int = logging.INFO) -> None:
    """Write the service's log to stderr, once however often it is called."""
    logger = logging.getLogger(NAME)
    if any(isinstance(handler.formatter, JsonLine) for handler in logger.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLine())
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
