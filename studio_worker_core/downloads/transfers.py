"""Running transfers so that they end at once when asked to.

A thread that waits in a socket read cannot look at an event, so each transfer has a
:class:`TransferLine` with its sockets on it; hanging up shuts them down and the read returns.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from studio_worker_core.errors import DownloadFailed, JobCancelled

T = TypeVar("T")

_LOOK_SECONDS = 0.1
_FAREWELL_SECONDS = 1.0


class HungUp(Exception):
    """The transfer was told to end."""


class Interrupted(DownloadFailed):
    """The connection broke or the server is busy: the same request may work in a moment."""

    def __init__(
        self, message: str, *, what: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, what=what)
        self.retry_after = retry_after
        """Seconds the server asked to wait, if it did."""


class TransferLine:
    """The sockets of one transfer, and whether it was told to end. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._down = threading.Event()
        self._deadline: float | None = None
        self._lateness = ""
        self._is_late = False

    def check(self) -> None:
        """Raise :class:`HungUp` once the transfer was told to end, and
        :class:`Interrupted` when it missed its deadline."""
        if self._down.is_set():
            raise HungUp
        if self._is_late:
            raise Interrupted(self._lateness)

    def allow(self, seconds: float | None, lateness: str = "") -> None:
        """Cut the sockets ``seconds`` from now unless this is called again before; None
        lifts that. It is what ends a wait that each byte of a slow peer would prolong.

        Raises:
            HungUp, Interrupted: as :meth:`check`; ``lateness`` is the message of the latter.
        """
        with self._lock:
            self.check()
            self._deadline = None if seconds is None else time.monotonic() + seconds
            self._lateness = lateness

    def lift(self) -> None:
        """Forget the deadline and that it was missed: the next attempt starts afresh."""
        with self._lock:
            self._deadline = None
            self._is_late = False

    def look(self) -> None:
        """Cut the sockets if the deadline has passed; called by who watches the transfers."""
        with self._lock:
            if self._deadline is None or time.monotonic() < self._deadline:
                return
            self._deadline = None
            self._is_late = True
            self._shut()

    def pause(self, seconds: float) -> None:
        """Wait, but not past the end. Raises :class:`HungUp`."""
        if self._down.wait(seconds):
            raise HungUp

    def attach(self, sock: socket.socket) -> None:
        """Have ``sock`` shut down when the line is hung up. Raises :class:`HungUp`."""
        with self._lock:
            self.check()
            self._sockets.add(sock)

    def detach(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(sock)

    def hang_up(self) -> None:
        """End the transfer: every socket is shut down, every pause returns."""
        with self._lock:
            self._down.set()
            self._shut()

    def _shut(self) -> None:
        for sock in self._sockets:
            # The plain method: an SSLSocket's own would drop its state under the reader.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def run_transfers(
    transfers: Sequence[Callable[[TransferLine], T]],
    *,
    parallel: int,
    cancel: threading.Event,
    seconds: float | None = None,
    what: str = "the download",
) -> list[T]:
    """The results of ``transfers`` in order, at most ``parallel`` at a time.

    The first error ends the others. A thread stuck in a name lookup is left behind; it
    ends by itself and touches nothing any more.

    Raises:
        JobCancelled: ``cancel`` was set; within about a second.
        DownloadFailed: ``seconds`` (if given) have passed.
    """
    run = _Run(transfers)
    for number in range(min(parallel, len(transfers))):
        threading.Thread(target=run.work, name=f"transfer-{number}", daemon=True).start()
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while not run.wait(_LOOK_SECONDS):
            if cancel.is_set():
                raise JobCancelled("cancelled")
            run.look()
            if deadline is not None and time.monotonic() > deadline:
                raise DownloadFailed(f"{what} took longer than {_shown(seconds)}", what=what)
    finally:
        run.end()
    if cancel.is_set() and run.error is not None:
        raise JobCancelled("cancelled")
    if run.error is not None:
        raise run.error
    return [run.results[index] for index in range(len(transfers))]


class _Run(Generic[T]):
    def __init__(self, transfers: Sequence[Callable[[TransferLine], T]]) -> None:
        self.results: dict[int, T] = {}
        self.error: BaseException | None = None
        self._waiting: queue.SimpleQueue[tuple[int, Callable[[TransferLine], T]]] = (
            queue.SimpleQueue()
        )
        for numbered in enumerate(transfers):
            self._waiting.put(numbered)
        self._lines: set[TransferLine] = set()
        self._changed = threading.Condition()
        self._missing = len(transfers)
        self._ended = False

    def work(self) -> None:
        while True:
            line = TransferLine()
            with self._changed:
                if self._ended or self.error is not None or self._waiting.empty():
                    return
                index, transfer = self._waiting.get()
                self._lines.add(line)
            try:
                result = transfer(line)
            except BaseException as raised:  # handed to the thread that waits
                with self._changed:
                    self.error = self.error or raised
            else:
                with self._changed:
                    self.results[index] = result
                    self._missing -= 1
            with self._changed:
                self._lines.discard(line)
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """True once everything is there or something failed."""
        with self._changed:
            if self._missing and self.error is None:
                self._changed.wait(seconds)
            return not self._missing or self.error is not None

    def look(self) -> None:
        """Cut off the transfers that missed a deadline."""
        with self._changed:
            lines = list(self._lines)
        for line in lines:
            line.look()

    def end(self) -> None:
        """Hang up on whatever still runs and give it a moment to close its files."""
        with self._changed:
            self._ended = True
            lines = list(self._lines)
        for line in lines:
            line.hang_up()
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, _FAREWELL_SECONDS)


def _shown(seconds: float | None) -> str:
    seconds = seconds or 0.0
    return f"{seconds / 3600:g} hours" if seconds >= 7200 else f"{seconds:g} s"
