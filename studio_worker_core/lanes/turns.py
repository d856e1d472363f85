"""Taking turns: one at a time for each key."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 0.05


class KeyTurns:
    """Safe to use from any thread; a key that nobody wants takes no memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[Hashable, tuple[threading.Lock, set[object]]] = {}

    @contextmanager
    def taken(
        self, key: Hashable, *, wait: bool = True, stops: Iterable[threading.Event] = ()
    ) -> Iterator[bool]:
        """Have the turn of ``key``; False when another has it and ``wait`` is not set, or one
        of ``stops`` was set meanwhile."""
        me = object()
        with self._lock:
            turn, wanted_by = self._turns.setdefault(key, (threading.Lock(), set()))
            wanted_by.add(me)
        got = False
        try:
            got = _acquired(turn, tuple(stops)) if wait else turn.acquire(blocking=False)
            yield got
        finally:
            if got:
                turn.release()
            with self._lock:
                wanted_by.remove(me)
                if not wanted_by:
                    del self._turns[key]


def _acquired(turn: threading.Lock, stops: tuple[threading.Event, ...]) -> bool:
    if not stops:
        return turn.acquire()
    while not any(stop.is_set() for stop in stops):
        if turn.acquire(timeout=_LOOK_SECONDS):
            return True
    return False
