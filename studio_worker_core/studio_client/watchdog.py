"""An end for every call: time limits that hold however the peer spreads its bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watchdog:
    """Calls ``bite`` from a thread of its own once the armed time is over."""

    def __init__(self, bite: Callable[[], None]) -> None:
        self._bite = bite
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self.bitten = False

    def arm(self, seconds: float) -> None:
        """From now on ``seconds``, instead of whatever was left."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            timer = threading.Timer(seconds, self._over)
            timer.daemon = True
            timer.name = "call-limit"
            self._timer = timer
        timer.start()

    def rest(self) -> None:
        """The call has ended."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _over(self) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():
                return
            self.bitten = True
        self._bite()
