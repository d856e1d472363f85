"""The terminal side of a running worker: log lines, and one live line under them."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from studio_worker_core.cli.log_levels import levels_in
from studio_worker_core.cli.status_line import StatusLine
from studio_worker_core.cli.terminal_thread import PlainSurface, TerminalThread, direct
from studio_worker_core.log_lines import LibraryHandler, LineFormatter
from studio_worker_core.terminal import error_console, is_terminal

if TYPE_CHECKING:
    from studio_worker_core.worker.status import WorkerStatus

log = logging.getLogger("studio_worker.cli")

_REDRAW_SECONDS = 0.1
_LEVEL_STYLES = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red", "DEBUG": "dim"}


class _LineHandler(logging.Handler):
    """Formats records where they are made and leaves the writing to the terminal's thread."""

    def __init__(self, terminal: TerminalThread) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one record; never waits for the terminal."""
        try:
            line = self.format(record)
        except Exception as error:  # formatting runs the __str__ of whatever was logged
            line = f"(a record of {record.name} cannot be shown: {type(error).__name__})"
        self._terminal.put_line(line, _LEVEL_STYLES.get(record.levelname))


class _LiveSurface:
    """Log lines, and one live line under them."""

    def __init__(self) -> None:
        from rich.live import Live

        self._console = error_console(direct(sys.stderr))
        # No refresh thread: an idle worker draws nothing. And no other writer is led through
        # the console: it would have to wait for the terminal with it.
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def line(self, text: str, style: str | None) -> None:
        """See :class:`.Surface`."""
        self._console.print(text, style=style, soft_wrap=True)

    def status(self, status: WorkerStatus) -> None:
        """See :class:`.Surface`."""
        self._live.update(StatusLine(status), refresh=True)

    def close(self) -> None:
        """See :class:`.Surface`."""
        self._live.stop()


class TerminalReporter:
    """Shows a running worker on standard error while it is entered.

    On a terminal: log lines with a live status line under them. Anywhere else: log lines.
    ``verbosity`` is that of :class:`~studio_worker_core.cli.invocation.Invocation`; with
    ``--quiet``, or without ``live``, there is no status line; ``--quiet`` also leaves out
    everything below a warning. Without either, ``STUDIO_WORKER_LOG`` or ``RUST_LOG`` in
    ``environ`` (default: the process's) says what is logged.
    """

    def __init__(
        self,
        verbosity: int = 0,
        *,
        live: bool = True,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._verbosity = verbosity
        self._environ = os.environ if environ is None else environ
        self._wants_live = live and verbosity >= 0
        self._clock = clock
        self._lock = threading.Lock()
        self._terminal: TerminalThread | None = None
        self._shown: WorkerStatus | None = None
        self._drawn_at = float("-inf")
        self._undo = ExitStack()

    def __enter__(self) -> TerminalReporter:
        draws = self._wants_live and is_terminal(sys.stderr)
        stream = sys.stderr
        terminal = TerminalThread(
            _LiveSurface if draws else lambda: PlainSurface(direct(stream)),
        )
        terminal.start()
        self._undo.callback(terminal.close)
        self._terminal = terminal if draws else None
        handler = _LineHandler(terminal)
        handler.setFormatter(LineFormatter())
        self._follow_levels(handler)
        return self

    def _follow_levels(self, handler: logging.Handler) -> None:
        variable, levels = levels_in(self._environ)
        everything = _level(self._verbosity)
        if self._verbosity == 0 and levels.everything is not None:
            everything = levels.everything
        targets = dict(levels.targets)
        if self._verbosity > 1:
            targets |= dict.fromkeys(("urllib3", "websockets"), logging.DEBUG)
        self._attach("studio_worker", handler, targets.pop("studio_worker", everything))
        for name, level in targets.items():
            # What is below our logger comes to its handler by itself.
            self._attach(name, None if name.startswith("studio_worker.") else handler, level)
        if levels.ignored:
            log.warning(
                "%s names what is no level or target here: %s",
                *(variable, ", ".join(levels.ignored)),
            )
        self._attach("", LibraryHandler(handler, {"studio_worker", *targets}), logging.WARNING)
        # It warns of each form that it cannot read; who sent it is told.
        self._attach("python_multipart", None, logging.ERROR)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._terminal = None
        self._undo.close()

    @property
    def draws(self) -> bool:
        """Whether there is a status line, and so somebody to :meth:`show` anything to."""
        return self._terminal is not None

    def show(self, status: WorkerStatus) -> None:
        """Draw a new snapshot; called from any thread, drops redraws that come too fast and
        never waits for the terminal."""
        with self._lock:
            before, self._shown = self._shown, status
            if self._terminal is None:
                return
            now = self._clock()
            moved_on = before is None or _headline(before) != _headline(status)
            if moved_on or now - self._drawn_at >= _REDRAW_SECONDS:
                self._drawn_at = now
                self._terminal.put_status(status)

    def _attach(self, name: str, handler: logging.Handler | None, level: int) -> None:
        logger = logging.getLogger(name)
        self._undo.callback(logger.setLevel, logger.level)
        logger.setLevel(level)
        if handler is not None:
            logger.addHandler(handler)
            self._undo.callback(logger.removeHandler, handler)


def _level(verbosity: int) -> int:
    if verbosity < 0:
        return logging.WARNING
    return logging.DEBUG if verbosity > 0 else logging.INFO


def _headline(status: WorkerStatus) -> WorkerStatus:
    """What is never left undrawn: all but the progress of a job, which soon moves again."""
    still = (msgspec.structs.replace(job, fraction=0.0, message=None) for job in status.jobs)
    return msgspec.structs.replace(status, jobs=tuple(still))
