"""What the models in our lanes are said to take of the GPU, for as long as they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable

Key = tuple[str, str]
"""Engine and model."""

_MOST = 256
"""Estimates kept of models whose lane never came."""


class LaneEstimates:
    """Noted before a lane begins, forgotten once it has ended. Safe to use from any thread.

    :param warm: engine and model of every lane there is.
    """

    def __init__(self, warm: Callable[[], set[Key]]) -> None:
        self._warm = warm
        self._lock = threading.Lock()
        self._coming: dict[Key, float] = {}  # the oldest first
        self._there: dict[Key, float] = {}

    def note(self, key: Key, gigabytes: float) -> None:
        """A lane is about to begin, or works again, with a model that takes so much."""
        with self._lock:
            self._coming.pop(key, None)
            self._coming[key] = gigabytes
            for oldest in list(self._coming)[:-_MOST]:
                del self._coming[oldest]

    def held(self) -> dict[Key, float]:
        """Gigabytes of every lane there is whose estimate is known."""
        warm = self._warm()
        with self._lock:
            # One that is still to come stays noted: fetching its files may take an hour.
            arrived = {key: gb for key, gb in self._coming.items() if key in warm}
            self._coming = {key: gb for key, gb in self._coming.items() if key not in warm}
            there = {key: gb for key, gb in self._there.items() if key in warm}
            self._there = there | arrived
            return dict(self._there)
