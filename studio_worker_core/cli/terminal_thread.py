"""The one thread that writes on the terminal of a running worker.

A terminal that is stopped (Ctrl-S), or a pipe whose reader has stopped, takes no more bytes
for as long as somebody likes. Only this thread waits then, and the worker goes on.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from msgspec import Struct

if TYPE_CHECKING:
    from studio_worker_core.worker.status import WorkerStatus

_MOST_ITEMS = 4000
_MOST_CHARACTERS = 1024 * 1024
_DRAIN_SECONDS = 2.0


class Surface(Protocol):
    """What the thread draws on."""

    def line(self, text: str, style: str | None) -> None:
        """Write one log line."""

    def status(self, status: WorkerStatus) -> None:
        """Draw the line below them anew."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainSurface:
    """Log lines alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str, style: str | None) -> None:
        """See :class:`Surface`."""
        del style
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def status(self, status: WorkerStatus) -> None:
        """See :class:`Surface`."""

    def close(self) -> None:
        """See :class:`Surface`."""


class _Line(Struct, frozen=True):
    text: str
    style: str | None


class TerminalThread:
    """Draws what it is handed, in that order; handing over never waits. Of lines that are not
    taken the oldest go, with a word about it; of statuses in a row only the newest counts."""

    def __init__(self, open_surface: Callable[[], Surface]) -> None:
        self._open_surface = open_surface
        self._changed = threading.Condition()
        self._items: deque[_Line | WorkerStatus] = deque()
        self._characters = 0
        self._left_out = 0
        self._closing = False
        # One that is stuck in a write must not keep the process from its end.
        self._thread = threading.Thread(target=self._work, name="terminal", daemon=True)

    def start(self) -> None:
        """Start it; :meth:`close` ends it."""
        self._thread.start()

    def put_line(self, text: str, style: str | None = None) -> None:
        """Write a log line when its turn comes."""
        with self._changed:
            self._items.append(_Line(text, style))
            self._characters += len(text)
            while len(self._items) > 1 and (
                len(self._items) > _MOST_ITEMS or self._characters > _MOST_CHARACTERS
            ):
                self._left_out += isinstance(self._take(), _Line)
            self._changed.notify_all()

    def put_status(self, status: WorkerStatus) -> None:
        """Draw this status, unless a newer one comes before its turn."""
        with self._changed:
            if self._items and not isinstance(self._items[-1], _Line):
                self._items.pop()
            self._items.append(status)
            self._changed.notify_all()

    def close(self, seconds: float = _DRAIN_SECONDS) -> None:
        """Write what is still to be written, for at most ``seconds``."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _work(self) -> None:
        surface = self._open_surface()
        while (item := self._next()) is not None:
            # A terminal that went away is no reason to stop working.
            with contextlib.suppress(OSError, ValueError):
                if isinstance(item, _Line):
                    surface.line(item.text, item.style)
                else:
                    surface.status(item)
        with contextlib.suppress(OSError, ValueError):
            surface.close()

    def _next(self) -> _Line | WorkerStatus | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closing)
            if self._left_out:
                count, self._left_out = self._left_out, 0
                return _Line(f"({count} lines are left out: nobody took them in time)", None)
            return self._take() if self._items else None

    def _take(self) -> _Line | WorkerStatus:
        item = self._items.popleft()
        if isinstance(item, _Line):
            self._characters -= len(item.text)
        return item


class _Direct(io.TextIOBase):
    """Text straight to a descriptor. Python's own streams hold a lock while they write, and a
    process cannot end in peace while a thread is stuck in there."""

    def __init__(self, descriptor: int, encoding: str) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream it stands for."""
        return self._encoding

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Write it all, however long that takes."""
        data = memoryview(text.encode(self._encoding, "backslashreplace"))
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody we share it with has made it non-blocking
                select.select([], [self._descriptor], [])
        return len(text)


def direct(stream: TextIO) -> TextIO:
    """``stream`` without Python's buffer and lock, where it is a descriptor."""
    if sys.platform == "win32":
        return stream  # its consoles take no bytes of ours
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return stream
    stream.flush()
    return _Direct(descriptor, stream.encoding or "utf-8")  # type: ignore[return-value]
