"""Taking an engine that keeps crashing out of service for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec import Struct

from studio_worker_core.retrying import Backoff

_IN_A_ROW = 3
_FIRST_SECONDS = 30.0
_LONGEST = 20.0
"""Times the first pause."""


class _Record(Struct):
    crashes: int = 0
    times_out: int = 0
    until: float = 0.0


class CrashLoop:
    """Counts crashes in a row for each engine. Three take it out for ``first_pause`` seconds;
    when it comes back one more crash takes it out for twice as long, up to 20 times, and a
    finished job clears its record. Safe to use from any thread.

    :param clock: seconds that never go back.
    :param first_pause: asked again for every crash, so a changed config takes effect.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        first_pause: Callable[[], float] = lambda: _FIRST_SECONDS,
    ) -> None:
        self._clock = clock
        self._first_pause = first_pause
        self._records: dict[str, _Record] = {}
        self._lock = threading.Lock()

    def crashed(self, engine: str) -> float | None:
        """Note a crash. Seconds the engine is out of service now, or None."""
        with self._lock:
            record = self._records.setdefault(engine, _Record())
            record.crashes += 1
            if record.crashes < _IN_A_ROW:
                return None
            record.times_out += 1
            first = self._first_pause()
            pause = Backoff(first, first * _LONGEST).pause(record.times_out)
            record.until = self._clock() + pause
            return pause

    def finished(self, engine: str) -> None:
        """Note a job that ended without a crash."""
        with self._lock:
            self._records.pop(engine, None)

    def withdrawn(self) -> frozenset[str]:
        """The engines out of service now."""
        now = self._clock()
        with self._lock:
            return frozenset(name for name, r in self._records.items() if r.until > now)
