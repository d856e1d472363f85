"""The terminal side of a running worker: log lines, and one live line under them."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from studio_worker_core.cli.terminal import error_console, is_terminal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from studio_worker_core.worker.status import JobStatus, WorkerStatus

__all__ = ["LineFormatter", "TerminalReporter", "status_line"]

_REDRAW_SECONDS = 0.1
_LEVEL_STYLES = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red", "DEBUG": "dim"}


class LineFormatter(logging.Formatter):
    """``12:34:56 INFO    message  [job-3f2a]``: one line a record, tracebacks below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line, with the record's job at its end unless the message names it."""
        line = super().formatMessage(record)
        job_id = getattr(record, "job_id", None)
        return f"{line}  [{job_id}]" if job_id and job_id not in line else line


class _ConsoleHandler(logging.Handler):
    """Log lines through a rich console, so that the live line stays below them."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; a terminal that went away is no reason to stop working."""
        try:
            self._console.print(
                self.format(record), style=_LEVEL_STYLES.get(record.levelname), soft_wrap=True
            )
        except Exception:  # logging's own contract: a handler never raises into its caller
            self.handleError(record)


class TerminalReporter:
    """Shows a running worker on standard error while it is entered.

    On a terminal: log lines with a live status line under them. Anywhere else: log lines.
    ``verbosity`` is that of :class:`~studio_worker_core.cli.invocation.Invocation`; with
    ``--quiet``, or without ``live``, there is no status line; ``--quiet`` also leaves out
    everything below a warning.
    """

    def __init__(
        self,
        verbosity: int = 0,
        *,
        live: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verbosity = verbosity
        self._wants_live = live and verbosity >= 0
        self._clock = clock
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._shown: WorkerStatus | None = None
        self._drawn_at = float("-inf")
        self._undo = ExitStack()

    def __enter__(self) -> TerminalReporter:
        handler: logging.Handler
        if self._wants_live and is_terminal(sys.stderr):
            from rich.live import Live

            console = error_console()
            handler = _ConsoleHandler(console)
            # No refresh thread: an idle worker draws nothing.
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._undo.enter_context(self._live)
        else:
            handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(LineFormatter())
        self._attach("studio_worker", handler, _level(self._verbosity))
        if self._verbosity > 1:
            for library in ("urllib3", "websockets"):
                self._attach(library, handler, logging.DEBUG)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._live = None
        self._undo.close()

    def show(self, status: WorkerStatus) -> None:
        """Draw a new snapshot; called from any thread, drops redraws that come too fast."""
        with self._lock:
            before, self._shown = self._shown, status
            if self._live is None:
                return
            now = self._clock()
            moved_on = before is None or _headline(before) != _headline(status)
            if moved_on or now - self._drawn_at >= _REDRAW_SECONDS:
                self._drawn_at = now
                self._live.update(status_line(status), refresh=True)

    def _attach(self, name: str, handler: logging.Handler, level: int) -> None:
        logger = logging.getLogger(name)
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(level)
        self._undo.callback(logger.setLevel, before)
        self._undo.callback(logger.removeHandler, handler)


def status_line(status: WorkerStatus) -> RenderableType:
    """State, studio, running job with its progress bar, and the counts, on one line."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    counts = f"{status.done} done, {status.failed} failed"
    if status.undelivered:
        counts += f", {status.undelivered} to deliver"
    cells: list[RenderableType] = [Text(_state(status), style=_state_style(status))]
    if status.job is not None:
        cells += [
            Text(_job(status.job), overflow="ellipsis"),
            ProgressBar(total=1.0, completed=status.job.fraction, width=20),
            Text(f"{status.job.fraction:4.0%}"),
        ]
    cells.append(Text(counts))
    line = Table.grid(padding=(0, 2))
    for index, _ in enumerate(cells):
        line.add_column(no_wrap=True, ratio=1 if index == 1 and status.job else None)
    line.add_row(*cells)
    return line


def _level(verbosity: int) -> int:
    if verbosity < 0:
        return logging.WARNING
    return logging.DEBUG if verbosity > 0 else logging.INFO


def _headline(status: WorkerStatus) -> tuple[object, ...]:
    job_id = status.job.job_id if status.job else None
    return status.state, job_id, status.done, status.failed, status.not_taking


def _state(status: WorkerStatus) -> str:
    if status.not_taking:
        return f"{status.state}, takes no jobs: {status.not_taking}"
    return f"{status.state} {status.detail}".strip()


def _state_style(status: WorkerStatus) -> str:
    if status.not_taking or status.state in ("waiting", "stopping"):
        return "yellow"
    return "green" if status.state == "connected" else "cyan"


def _job(job: JobStatus) -> str:
    message = f" ({job.message})" if job.message else ""
    return f"{job.kind} {job.model}{message}"
