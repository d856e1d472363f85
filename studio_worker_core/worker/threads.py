"""The worker's threads: named, owned, and never dying unnoticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Threads:
    """Threads of one worker. What one of them raises stops the worker and is its result."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._failure: BaseException | None = None

    def start(self, name: str, body: Callable[[], None]) -> None:
        """Run ``body`` on a thread called ``name``."""
        # One that hangs is reported by `join`, and must not keep the process from its end.
        thread = threading.Thread(target=self.guard, args=(body,), name=name, daemon=True)
        with self._lock:
            self._threads[name] = thread
        thread.start()

    def guard(self, body: Callable[[], None]) -> None:
        """Run ``body`` here; what it raises stops the worker."""
        try:
            body()
        except BaseException as error:  # kept, and raised again by `raise_failure`
            with self._lock:
                if self._failure is None:
                    self._failure = error
            self._stop.set()

    def join(self, timeout: float, *names: str) -> list[str]:
        """Wait (seconds, for all together) for the named threads, or for all of them; the
        names of those that did not end."""
        deadline = time.monotonic() + timeout
        with self._lock:
            waited = {name: self._threads[name] for name in names or self._threads}
        for thread in waited.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        return [name for name, thread in waited.items() if thread.is_alive()]

    def raise_failure(self) -> None:
        """Raise what a thread raised first, if any did."""
        if self._failure is not None:
            raise self._failure
