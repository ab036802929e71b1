"""Structured logs: one JSON object a line, on standard error. Never event data, never tokens."""

import logging
import sys
import traceback
from typing import Any

from pythonjsonlogger.json import JsonFormatter


class _Formatter(JsonFormatter):
    def formatException(self, ei: Any) -> str:
        """Where it happened and its type; an exception's message could quote what it choked on."""
        frames = "".join(traceback.format_tb(ei[2]))
        return f"{frames}{ei[0].__name__}"


def set_up(level: str) -> None:
    """Send this process's log to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            timestamp=False,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Requests are counted, not logged: a log of addresses is data about people, too.
    for name in ("uvicorn", "httpx", "websockets", "numba", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
