"""Structured logs on standard error: one JSON object a line, only fields on a list, nothing personal."""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

# What may appear in a log line. Free text, names, addresses, keys and payloads have no field here.
FIELDS = frozenset({
    "timestamp", "level", "event", "service", "version", "component", "topic", "partition", "offset", "epoch",
    "code", "stage", "count", "records", "seconds", "attempt", "port", "host", "lane", "channel", "state",
    "reason", "error", "signal", "migration", "event_id", "entry_id", "month", "cluster_id", "route", "status",
})  # fmt: skip
VALUE_CHARS_MAX = 500
# Broker death makes the client library write thousands of lines in seconds.
LIBRARY_LINES_PER_SECOND = 5


def configure(service: str, level: str) -> None:
    """Set up structlog, and the standard library's loggers of our dependencies, for this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    handler = _LibraryHandler(service)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("aiokafka", "faststream", "uvicorn", "uvicorn.access", "uvicorn.error", "asyncio", "httpx"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    # "Heartbeat failed", "Unable to connect": each once a second while a broker is away.
    logging.getLogger("aiokafka.conn").setLevel(logging.ERROR)


def get(component: str) -> Any:
    """A logger that names its component."""
    return structlog.get_logger(component=component)


def error_name(error: BaseException) -> str:
    """What may be logged of an exception: its class, and the SQLSTATE if it has one. Messages may hold values."""
    sqlstate = getattr(error, "sqlstate", None)
    return type(error).__name__ + (f" {sqlstate}" if sqlstate else "")


def _keep_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in [name for name in event if name not in FIELDS]:
        del event[name]
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = value[:VALUE_CHARS_MAX]
        elif value is not None and not isinstance(value, int | float):
            event[name] = type(value).__name__  # an object may hold anything
    return event


class _LibraryHandler(logging.Handler):
    """Passes on a bounded number of library lines a second: logger and level, never the message's arguments."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._second = 0
        self._lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LIBRARY_LINES_PER_SECOND:
            return
        error = error_name(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        # The template, not the filled-in message: arguments may be keys or values of records. And its first line
        # only: asyncio goes on with the exceptions of lost tasks.
        event = record.msg.split("\n")[0] if isinstance(record.msg, str) else type(record.msg).__name__
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        structlog.get_logger().log(level, event[:VALUE_CHARS_MAX], component=record.name, error=error)
