"""Stopping on purpose: the first signal asks, the second ends the process at once."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Shutdown"]


class Shutdown:
    """The stop event and, as a context manager on the main thread, the signals that set it.

    SIGTERM (systemd, Docker), SIGINT (Ctrl-C) and, where it exists, SIGHUP and SIGBREAK are
    the same request. ``hurry`` runs before the process ends at a second signal, to kill
    child processes that would otherwise learn of it a moment later.

    A handler may interrupt the main thread inside the event's own lock, where setting it
    would deadlock; so it only puts into a reentrant queue, and a thread sets the event.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.signal_name: str | None = None
        self._hurry: list[Callable[[], None]] = []
        self._previous: dict[int, Any] = {}
        self._signals: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._asked = False
        self._setter = threading.Thread(target=self._set_event, name="signals", daemon=True)

    def on_hurry(self, act: Callable[[], None]) -> None:
        """Call ``act`` when a second signal ends the process."""
        self._hurry.append(act)

    def __enter__(self) -> Shutdown:
        self._setter.start()
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
        self._signals.put(None)
        self._setter.join()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._asked:
            for act in self._hurry:
                act()
            os._exit(128 + number)
        self._asked = True
        self._signals.put(number)

    def _set_event(self) -> None:
        number = self._signals.get()
        if number is not None:
            self.signal_name = signal.Signals(number).name
            self.stop.set()
