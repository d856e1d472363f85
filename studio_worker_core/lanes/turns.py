"""Taking turns: one at a time for each key."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class KeyTurns:
    """Safe to use from any thread; a key that nobody wants takes no memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[Hashable, tuple[threading.Lock, set[object]]] = {}

    @contextmanager
    def taken(self, key: Hashable, *, wait: bool = True) -> Iterator[bool]:
        """Have the turn of ``key``; False when another has it and ``wait`` is not set."""
        me = object()
        with self._lock:
            turn, wanted_by = self._turns.setdefault(key, (threading.Lock(), set()))
            wanted_by.add(me)
        got = False
        try:
            got = turn.acquire(blocking=wait)
            yield got
        finally:
            if got:
                turn.release()
            with self._lock:
                wanted_by.remove(me)
                if not wanted_by:
                    del self._turns[key]
