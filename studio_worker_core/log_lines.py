"""Log records as lines for people, on the terminals of the worker and of the studio."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from studio_worker_core.foreign_text import printable
from studio_worker_core.redaction import without_secrets

_LONGEST_JOB_ID = 200


class LineFormatter(logging.Formatter):
    """``12:34:56 INFO    message  [job-3f2a]``: one line a record, tracebacks below it, indented.

    Whatever the message quotes, it stays on its line and without secrets.

    :param date: how the time is written, see :func:`time.strftime`.
    """

    def __init__(self, date: str = "%H:%M:%S") -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt=date)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, with the record's job at its end unless the message names it."""
        record.message = printable(without_secrets(record.message))
        line = super().formatMessage(record)
        job_id = printable(str(getattr(record, "job_id", None) or ""))[:_LONGEST_JOB_ID]
        return f"{line}  [{job_id}]" if job_id and job_id not in line else line

    def formatException(  # noqa: N802 - logging's name
        self, ei: Any
    ) -> str:
        """The traceback, its lines set in so that none can pass for a record."""
        trace = without_secrets(super().formatException(ei))
        return "\n".join(f"  {printable(line)}" for line in trace.splitlines())


class LibraryHandler(logging.Handler):
    """Hands on what libraries log. Without a handler of its own Python writes that to standard
    error as it is: into the live line, with whatever it quotes.

    :param led: loggers whose records come to ``handler`` by themselves.
    """

    def __init__(self, handler: logging.Handler, led: Collection[str]) -> None:
        super().__init__()
        self._handler = handler
        self._led = tuple(f"{name}." for name in led)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one record, unless it has come already."""
        if not f"{record.name}.".startswith(self._led):
            self._handler.handle(record)
