"""Exclusive locks on files, between threads and processes.

The kernel drops a lock when its holder ends in whatever way, ``kill -9`` included, so that
none is ever stale. The file stays: without it two holders could have two files of one name.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_LOOK_SECONDS = 0.1


class FileLock:
    """The lock of one holder on the file ``path``, which is made when missing. Child processes
    do not inherit it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """True while it is ours."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take it without waiting; False while anybody has it, this holder included.

        Raises:
            OSError: the file cannot be made or opened, or knows no locks where it is.
        """
        from filelock import lock_descriptor  # 20 ms that only those who lock pay

        if self.held:
            return False
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if lock_descriptor(descriptor, blocking=False):
                self._descriptor = descriptor
        finally:
            if not self.held:
                os.close(descriptor)
        return self.held

    def mark(self, text: bytes) -> None:
        """Leave ``text`` in the file if nothing is in it; for its holder. Raises OSError."""
        assert self._descriptor is not None
        # Through the descriptor: where locks are mandatory, nobody else may write.
        if os.fstat(self._descriptor).st_size == 0:
            os.write(self._descriptor, text)

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._descriptor is not None:
            from filelock import unlock_descriptor

            descriptor, self._descriptor = self._descriptor, None
            # Said, not left to close: a child about to start another program shares the file.
            with contextlib.suppress(OSError):
                unlock_descriptor(descriptor)
            os.close(descriptor)


@contextlib.contextmanager
def held(path: Path, pause: Callable[[float], object] | None = None) -> Iterator[None]:
    """Hold the lock ``path`` for the block; the directory is made when missing.

    Waits for its holder; ``pause(seconds)`` may raise to give up. Raises OSError.
    """
    wait = pause or threading.Event().wait
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while not lock.acquire():
        wait(_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()
