"""Stopping on purpose: the first signal asks, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_START_SECONDS = 3.0
"""How long a start that was asked to stop may take to come to its end by itself."""

_END = 0
"""Written into the pipe by us; no signal has this number."""


class Shutdown:
    """The stop event and, as a context manager on the main thread, the signals that set it.

    SIGTERM (systemd, Docker), SIGINT (Ctrl-C) and, where it exists, SIGHUP and SIGBREAK are
    the same request. The kernel may hand a signal to any thread, and Python's own handlers
    only run once the main thread comes back to Python code: in a lock, an ``open`` of a FIFO
    or on a hanging disk it never does. So the C handler writes the number into a pipe
    (:func:`signal.set_wakeup_fd`), and a thread acts on it.

    Until :meth:`serving`, nothing has to be wound down: a start that is stuck when the
    first signal comes is ended after a moment, with status 0.
    """

    def __init__(self, *, start_seconds: float = _START_SECONDS) -> None:
        self.stop = threading.Event()
        self.signal_name: str | None = None
        self._start_seconds = start_seconds
        self._past_start = threading.Event()
        self._over = threading.Event()
        self._previous: dict[int, Any] = {}
        self._pipe = (-1, -1)
        self._listener = threading.Thread(target=self._listen, name="signals", daemon=True)

    def serving(self) -> None:
        """From now on, or because everything is over, the first signal is a mere request."""
        self._past_start.set()

    def ending(self, seconds: float) -> None:
        """All that had to be said is said: the process ends within ``seconds``, with status 0,
        whatever a disk or a driver still holds up."""

        def end() -> None:
            if not self._over.wait(seconds):
                os._exit(0)

        threading.Thread(target=end, name="ending", daemon=True).start()

    def __enter__(self) -> Shutdown:
        self._pipe = os.pipe()
        if os.name != "nt":
            os.set_blocking(self._pipe[1], False)
        self._listener.start()
        signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, _do_nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.serving()
        self._over.set()
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.write(self._pipe[1], bytes([_END]))
        self._listener.join()
        for descriptor in self._pipe:
            os.close(descriptor)

    def _listen(self) -> None:
        while number := self._next():
            if self.stop.is_set():
                os._exit(128 + number)
            self.signal_name = signal.Signals(number).name
            self.stop.set()
            if not self._past_start.is_set():
                threading.Thread(
                    target=self._end_the_start, name="ending-start", daemon=True
                ).start()

    def _next(self) -> int:
        while True:
            (number,) = os.read(self._pipe[0], 1)
            if number == _END or number in self._previous:
                return int(number)

    def _end_the_start(self) -> None:
        if not self._past_start.wait(self._start_seconds):
            os._exit(0)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler of Python's is what makes the C handler write into the pipe."""
