"""Telling whoever shows the worker that there is something new to see."""

from __future__ import annotations

import threading
from collections.abc import Callable

Bell = Callable[[], None]


class Changes:
    """Rings bells; what changed is to be looked up. Nothing is kept for anybody, so who is slow
    misses the steps in between and sees the newest.

    A ring costs one call for each subscriber, on the thread of whoever changed something.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: tuple[Bell, ...] = ()
        self._closed = threading.Event()

    def subscribe(self, bell: Bell) -> Callable[[], None]:
        """Call ``bell``, which returns at once, from now on; what comes back ends that."""
        own = _Own(bell)
        with self._lock:
            self._bells = (*self._bells, own)

        def leave() -> None:
            with self._lock:
                self._bells = tuple(each for each in self._bells if each is not own)

        return leave

    def ring(self) -> None:
        """Something has changed. From any thread, also while it holds locks of its own."""
        for bell in self._bells:
            bell()

    def close(self) -> None:
        """Nothing changes any more: a last ring."""
        self._closed.set()
        self.ring()

    @property
    def closed(self) -> bool:
        """Whether that was the last ring."""
        return self._closed.is_set()


class _Own:
    """Tells one subscription from another with the same bell."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    def __call__(self) -> None:
        self._bell()
