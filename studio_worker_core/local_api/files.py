"""Results that are handed out by address: kept for an hour, under names nobody can guess."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

from msgspec import Struct

HOUR = 3600.0
MOST_BYTES = 1 << 30
"""All of them together; beyond it the oldest go before their time."""


class Kept(Struct, frozen=True):
    """One file."""

    path: Path
    media_type: str
    size: int
    until: float


class ResultFiles:
    """The files, in a directory that is made with the first one and removed by :meth:`close`.

    Each look costs the number of files whose time is over. Used from one thread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._directory: Path | None = None
        self._bytes = 0

    def keep(self, path: Path, media_type: str) -> str:
        """Move ``path`` in; its name here. Raises :class:`OSError`."""
        self._sweep()
        if self._directory is None:
            self._directory = Path(mkdtemp(prefix="studio-worker-files-"))
        name = token_hex(16) + path.suffix
        size = path.stat().st_size
        target = self._directory / name
        shutil.move(path, target)
        self._kept[name] = Kept(target, media_type, size, self._clock() + HOUR)
        self._bytes += size
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))
        return name

    def find(self, name: str) -> Kept | None:
        """The file of that name, while it is kept."""
        self._sweep()
        return self._kept.get(name)

    def close(self) -> None:
        """Remove them all."""
        self._kept.clear()
        self._bytes = 0
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _sweep(self) -> None:
        now = self._clock()
        while self._kept:
            name, oldest = next(iter(self._kept.items()))
            if oldest.until > now:
                return
            self._drop(name)

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name)
        self._bytes -= kept.size
        with contextlib.suppress(OSError):
            kept.path.unlink()
