"""One progress from many stages."""

from __future__ import annotations

import threading

from studio_worker_core.lanes.request import OnProgress

_DOWNLOAD_SHARE = 0.2


class JobProgress:
    """Downloads take the first fifth when there are any, the engine the rest; never backwards.

    The stages may report from several threads; ``report`` is called by one at a time.
    """

    def __init__(self, report: OnProgress) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._fraction = 0.0
        self._engine_from = 0.0

    def downloading(self, fraction: float, message: str | None = None) -> None:
        """Model files, 0 to 1. Not called at all when none is missing."""
        self._move(_clamped(fraction) * _DOWNLOAD_SHARE, message)

    def engine_starts(self) -> None:
        """What is left of the way is the engine's."""
        with self._lock:
            self._engine_from = self._fraction

    def working(self, fraction: float, message: str | None = None) -> None:
        """The engine, 0 to 1."""
        start = self._engine_from
        self._move(start + (1.0 - start) * _clamped(fraction), message)

    def _move(self, fraction: float, message: str | None) -> None:
        with self._lock:
            if fraction >= self._fraction:
                self._fraction = fraction
                self._report(fraction, message)


def _clamped(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)
