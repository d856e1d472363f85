"""Telling plugins what happened to jobs, without letting them hurt a job."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from studio_worker_core.engines.guarded import describe_error
from studio_worker_core.plugin import JobEvent

__all__ = ["JobObservers", "Observer"]

_log = logging.getLogger("studio_worker.engines.observers")

_QUEUED = 256
_FAULTS_SHOWN = 5


class Observer:
    """One plugin's observer: a daemon thread of its own and a bounded queue."""

    def __init__(self, plugin: str, deliver: Callable[[JobEvent], object]) -> None:
        self._plugin = plugin
        self._deliver = deliver
        self._events: queue.Queue[JobEvent] = queue.Queue(_QUEUED)
        self._dropped = 0
        self._faults = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, event: JobEvent) -> None:
        """Queue one event; returns at once. The newest is dropped when the queue is full."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"observer-{self._plugin}", daemon=True
                )
                self._thread.start()
            try:
                self._events.put_nowait(event)
            except queue.Full:
                self._dropped += 1
                if self._dropped == 1:
                    _log.warning(
                        "the job observer of %s is too slow; events are dropped", self._plugin
                    )
                return
            self._dropped = 0

    def _work(self) -> None:
        while True:
            event = self._events.get()
            try:
                self._deliver(event)
            except BaseException as error:  # foreign code: even sys.exit stays here
                self._faults += 1
                if self._faults <= _FAULTS_SHOWN:
                    _log.warning(
                        "the job observer of %s raised %s", self._plugin, describe_error(error)
                    )


class JobObservers:
    """All observers; calling it hands an event to each."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def __call__(self, event: JobEvent) -> None:
        for observer in self._observers:
            observer.put(event)
