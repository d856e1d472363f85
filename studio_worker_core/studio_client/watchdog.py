"""An end for every call: time limits that hold however the peer spreads its bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watchdog:
    """Calls ``bite`` once the time of the call at hand is over; one call at a time.

    Its thread outlives a call, so that one call after another costs none. It ends by itself
    when it has had no call for as long as the last one might have taken.

    :param bite: called from that thread.
    """

    def __init__(self, bite: Callable[[], None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        self._wakes_at = 0.0
        self._closed = False
        self.bitten = False
        """Whether the time of the last call was over."""

    def begin(self, seconds: float) -> None:
        """A call begins that may take so long."""
        with self._changed:
            self.bitten = False
            self._arm(seconds)

    def arm(self, seconds: float) -> None:
        """From now on ``seconds``, instead of whatever was left."""
        with self._changed:
            self._arm(seconds)

    def rest(self) -> None:
        """The call has ended."""
        with self._changed:
            self._deadline = None

    def close(self) -> None:
        """End the thread, if there is one; calls in flight have no limit any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _arm(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        if self._closed:
            return
        if self._thread is None:
            self._wakes_at = self._deadline
            self._thread = threading.Thread(target=self._watch, name="call-limit", daemon=True)
            self._thread.start()
        elif self._deadline < self._wakes_at:  # else it finds out when it wakes up
            self._changed.notify()

    def _watch(self) -> None:
        while self._is_over():
            self._bite()

    def _is_over(self) -> bool:
        """Wait for the end of the time; False when nobody needs this thread any more."""
        with self._changed:
            while not self._closed:
                if self._deadline is None:
                    left = self._wakes_at - time.monotonic()
                    if left <= 0:
                        break
                else:
                    left = self._deadline - time.monotonic()
                    if left <= 0:
                        self._deadline, self.bitten = None, True
                        return True
                    self._wakes_at = self._deadline
                self._changed.wait(left)
            self._thread = None
            return False
