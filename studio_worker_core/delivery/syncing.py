"""Results that a power cut could still take, until they are delivered or on stable storage."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import Entry, Outbox

_log = logging.getLogger("studio_worker.delivery")

SECONDS = 0.02
"""Most results are with their studio by then, and a disk takes about as long for one."""


class Syncing:
    """Has those synced that wait longer than ``seconds``. Safe to use from any thread; only
    :meth:`look` and :meth:`finish` touch the disk, one after the other."""

    def __init__(
        self, outbox: Outbox, clock: Callable[[], float], seconds: float = SECONDS
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[float, Entry]] = {}  # in order of their time

    @property
    def due(self) -> float | None:
        """When :meth:`look` has something to do."""
        with self._lock:
            return next((due for due, _ in self._waiting.values()), None)

    def add(self, entry: Entry) -> None:
        """It was finished just now."""
        with self._lock:
            self._waiting.pop(entry.key, None)
            self._waiting[entry.key] = (self._clock() + self._seconds, entry)

    def forget(self, entry: Entry) -> None:
        """It has left the outbox."""
        with self._lock:
            self._waiting.pop(entry.key, None)

    def look(self) -> None:
        """Sync what has waited for its time."""
        self._sync_until(self._clock())

    def finish(self) -> None:
        """Sync what is left."""
        self._sync_until(float("inf"))

    def _sync_until(self, now: float) -> None:
        while (entry := self._taken(now)) is not None:
            try:
                self._outbox.sync(entry)
            except (OSError, OutboxError) as error:
                _log.warning(
                    "the result of job %s may be lost if the power fails: %s",
                    entry.job_id,
                    error,
                    extra={"job_id": entry.job_id},
                )

    def _taken(self, now: float) -> Entry | None:
        with self._lock:
            for key, (due, entry) in self._waiting.items():
                if due <= now:
                    del self._waiting[key]
                    return entry
                break
            return None
