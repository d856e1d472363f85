"""A stop with more than one reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Until(threading.Event):
    """Set once ``stop`` is, or as soon as ``over`` says so.

    ``over`` is asked whenever somebody looks, on their thread, and every ``every`` seconds
    while they wait; it returns at once.
    """

    def __init__(
        self, stop: threading.Event, over: Callable[[], bool], *, every: float = 0.5
    ) -> None:
        super().__init__()
        self._stop = stop
        self._over = over
        self._every = every

    def is_set(self) -> bool:
        """Whether there is a reason to stop."""
        return self._stop.is_set() or self._over()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a reason, at most ``timeout`` seconds; whether there is one."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = self._every if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            self._stop.wait(min(left, self._every))
        return True
