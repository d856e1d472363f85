"""Stopping on purpose: the first signal asks, the second ends the process at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Shutdown"]

log = logging.getLogger("studio_worker.worker")


class Shutdown:
    """The stop event and, as a context manager on the main thread, the signals that set it.

    SIGTERM (systemd, Docker), SIGINT (Ctrl-C) and, where it exists, SIGHUP and SIGBREAK are
    the same request. ``hurry`` runs before the process ends at a second signal, to kill
    child processes that would otherwise learn of it a moment later.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.signal_name: str | None = None
        self._hurry: list[Callable[[], None]] = []
        self._previous: dict[int, Any] = {}

    def on_hurry(self, act: Callable[[], None]) -> None:
        """Call ``act`` when a second signal ends the process."""
        self._hurry.append(act)

    def __enter__(self) -> Shutdown:
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.stop.is_set():
            for act in self._hurry:
                act()
            os._exit(128 + number)
        self.signal_name = name
        self.stop.set()
