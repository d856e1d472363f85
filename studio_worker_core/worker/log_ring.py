"""The last lines of the log, for whoever asks the worker for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

from studio_worker_core.local_api.daemon import LogPage
from studio_worker_core.wire.frames import LogEntry

MOST_ENTRIES = 1_000
"""How many lines are kept (original.md, Local API)."""

_MOST_CHARACTERS = 4 * 1024 * 1024
"""Long lines leave room for fewer."""


class LogRing:
    """Keeps the newest lines, numbered from 1. An addition costs the same however many are
    kept; a page costs its own length."""

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        *,
        most: int = MOST_ENTRIES,
        most_characters: int = _MOST_CHARACTERS,
    ) -> None:
        self._changed = changed
        self._most = most
        self._most_characters = most_characters
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque()
        self._characters = 0
        self._seq = 0

    @property
    def seq(self) -> int:
        """The number of the last line."""
        return self._seq

    def add(self, entry: LogEntry) -> None:
        """Keep one more line, which holds no secret."""
        with self._lock:
            self._seq += 1
            self._entries.append(entry)
            self._characters += len(entry.message)
            while len(self._entries) > self._most or (
                self._characters > self._most_characters and len(self._entries) > 1
            ):
                self._characters -= len(self._entries.popleft().message)
        self._changed()

    def page(self, after: int | None = None) -> LogPage:
        """See :meth:`~studio_worker_core.local_api.daemon.Daemon.logs`."""
        with self._lock:
            gone = self._seq - len(self._entries)
            since = after if after is not None and 0 <= after <= self._seq else 0
            entries = list(islice(self._entries, max(since - gone, 0), None))
            return LogPage(entries, self._seq, missed=max(gone - since, 0))
