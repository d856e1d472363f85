"""Log records as lines of a job's log."""

from __future__ import annotations

import logging

from studio_worker_core.foreign_text import printable
from studio_worker_core.journal.records import LONGEST_LINE, LogLine
from studio_worker_core.redaction import without_secrets
from studio_worker_core.wire.log_levels import level_word

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
    return LogLine(
        record.created, level_word(record.levelno), record.name[:_LONGEST_TARGET], message
    )
