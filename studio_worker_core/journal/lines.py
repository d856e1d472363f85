"""Log records as lines of a job's log."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal

from studio_worker_core.foreign_text import printable
from studio_worker_core.journal.records import LONGEST_LINE, LogLine
from studio_worker_core.redaction import without_secrets

_LONGEST_TARGET = 200
_READ_OF_LONG = 4 * LONGEST_LINE


def line_of(record: logging.LogRecord) -> LogLine:
    """The record without secrets, on one line and cut to length. Raises what formatting it
    raises."""
    message = printable(without_secrets(record.getMessage()[:_READ_OF_LONG]))
    trace = record.exc_text
    if record.exc_info and not trace:
        trace = logging.Formatter().formatException(record.exc_info)
    if trace:
        lines = without_secrets(trace[-_READ_OF_LONG:]).splitlines()
        message = "\n  ".join([message, *map(printable, lines)])
    if len(message) > LONGEST_LINE:
        message = f"{message[: LONGEST_LINE - 1]}…"
    return LogLine(record.created, _level(record.levelno), record.name[:_LONGEST_TARGET], message)


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as an ISO time of UTC, in milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _level(number: int) -> Literal["debug", "info", "warn", "error"]:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"
