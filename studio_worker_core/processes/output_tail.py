"""The last lines an engine process printed, kept in bounded memory."""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger("studio_worker.engines.output")

_LINES = 40
_BYTES = 8 * 1024
_LINE_BYTES = 2 * 1024
_LOGGED_PER_SECOND = 50


class OutputTail:
    """Takes whatever a process prints, however much: keeps the last 40 lines, at most 8 KiB,
    and passes lines on to the debug log, at most 50 a second."""

    def __init__(self, engine: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lines: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._partial = b""
        self._lock = threading.Lock()
        self._second = 0.0
        self._logged = 0

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        with self._lock:
            *lines, rest = (self._partial + data).split(b"\n")
            self._partial = rest[-_LINE_BYTES:]
            for line in lines:
                self._keep(line.rstrip(b"\r")[:_LINE_BYTES])

    def last(self, lines: int = _LINES) -> list[str]:
        """The last lines, oldest first, without empty ones."""
        with self._lock:
            kept = [*self._lines, self._partial]
        texts = (line.decode("utf-8", "replace").rstrip() for line in kept)
        return [text for text in texts if text][-lines:]

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        while len(self._lines) > _LINES or self._size > _BYTES:
            self._size -= len(self._lines.popleft())
        if not line or not _log.isEnabledFor(logging.DEBUG):
            return
        now = self._clock()
        if now - self._second >= 1.0:
            self._second, self._logged = now, 0
        self._logged += 1
        if self._logged <= _LOGGED_PER_SECOND:
            _log.debug(
                "%s: %s",
                self._engine,
                line.decode("utf-8", "replace"),
                extra={"engine": self._engine},
            )
