"""Structured logs: one JSON object a line, on standard error. Never event data, never tokens."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def set_up(level: str) -> None:
    """Send this process's log to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            timestamp=False,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Requests are counted, not logged: a log of addresses is data about people, too.
    for name in ("uvicorn", "httpx", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
