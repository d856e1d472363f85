"""How fast one session may speak."""

from __future__ import annotations

from collections.abc import Callable

_FRAMES_PER_SECOND = 200.0
_BYTES_PER_SECOND = 4.0 * 1024 * 1024
_BURST_SECONDS = 10.0


class Pace:
    """Frames and bytes a second, with what was left unused in the last ten seconds. Who is
    faster is read later: the socket's own flow control slows the peer down."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paid_until = clock()

    def pause_after(self, size: int) -> float:
        """Seconds to wait after a frame of ``size`` bytes, before the next is read."""
        now = self._clock()
        cost = max(1.0 / _FRAMES_PER_SECOND, size / _BYTES_PER_SECOND)
        self._paid_until = max(self._paid_until, now - _BURST_SECONDS) + cost
        return max(0.0, self._paid_until - now)
