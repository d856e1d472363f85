"""A disk that fails or dies at a chosen step, for tests of what survives."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from studio_worker_core.storage.disk import Disk

Fault = Literal["crash before", "crash half", "crash after", "full"]
"""``crash half`` writes half of the bytes, or removes one file of many; ``full`` is ENOSPC
after half of the bytes."""


_REAL = Disk()


class Crash(BaseException):
    """The process ends here, as far as the code under test can tell."""


class FaultyDisk(Disk):
    """Counts the changing steps; the armed one goes wrong, once."""

    def __init__(self) -> None:
        self.steps = 0
        self.free = 10**12
        self._fault: tuple[int, Fault] | None = None

    @property
    def is_armed(self) -> bool:
        """Whether the fault is still to come."""
        return self._fault is not None

    def arm(self, fault: Fault, *, step: int) -> None:
        """Let the ``step``-th change from now on (from 0) go wrong."""
        self._fault = (self.steps + step, fault)

    def disarm(self) -> None:
        """Let everything work again."""
        self._fault = None

    def make_directory(self, path: Path) -> None:
        """See :class:`Disk`."""
        self._step(path, lambda: _REAL.make_directory(path))

    def write_file(self, path: Path, data: bytes, *, sync: bool = True) -> None:
        """See :class:`Disk`."""

        def half() -> None:
            path.write_bytes(data[: len(data) // 2])

        self._step(path, lambda: _REAL.write_file(path, data, sync=sync), half, fills=True)

    def make_private(self, path: Path) -> None:
        """See :class:`Disk`."""
        self._step(path, lambda: _REAL.make_private(path))

    def sync_file(self, path: Path) -> None:
        """See :class:`Disk`."""
        self._step(path, lambda: _REAL.sync_file(path), fills=True)

    def move(self, source: Path, target: Path) -> None:
        """See :class:`Disk`."""
        self._step(target, lambda: _REAL.move(source, target), fills=True)

    def sync_directory(self, path: Path) -> None:
        """See :class:`Disk`."""
        self._step(path, lambda: _REAL.sync_directory(path))

    def remove_file(self, path: Path) -> None:
        """See :class:`Disk`."""
        self._step(path, lambda: _REAL.remove_file(path))

    def remove_tree(self, path: Path) -> None:
        """See :class:`Disk`."""

        def half() -> None:
            for each in sorted(path.glob("*"))[:1]:
                if each.is_file():
                    each.unlink()

        self._step(path, lambda: _REAL.remove_tree(path), half)

    def free_bytes(self, path: Path) -> int:
        """:attr:`free`, whatever the real disk has."""
        del path
        return self.free

    def _step(
        self,
        path: Path,
        act: Callable[[], None],
        half: Callable[[], None] | None = None,
        *,
        fills: bool = False,
    ) -> None:
        number, self.steps = self.steps, self.steps + 1
        if self._fault is None or number < self._fault[0]:
            act()
            return
        fault = self._fault[1]
        if fault == "full" and not fills:
            act()  # what takes no space works on a full disk; the next step that does fails
            return
        self._fault = None
        if fault == "crash after":
            act()
        elif fault != "crash before" and half is not None:
            half()
        if fault == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        raise Crash(path)
