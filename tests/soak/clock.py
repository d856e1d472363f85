"""A wall clock that jumps, for every process that is started with its environment.

What counts seconds must do so on the monotonic clock, which is left alone.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

_VARIABLE = "STUDIO_WORKER_SOAK_CLOCK"

_WRAPPER = f"""\
import mmap
import os
import struct
import time

if path := os.environ.get({_VARIABLE!r}):
    with open(path, "rb") as file:
        ahead = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    real = time.time

    def jumping():
        return real() + struct.unpack("d", ahead)[0]

    time.time = jumping
"""


class JumpingClock:
    """A context manager; ``site`` is a directory on the ``PYTHONPATH`` of the processes."""

    def __init__(self, site: Path) -> None:
        self._path = site / "clock"
        self._path.write_bytes(bytes(8))
        (site / "sitecustomize.py").write_text(_WRAPPER, "utf-8")

    @property
    def env(self) -> Mapping[str, str]:
        """What a process needs to be on this clock."""
        return {_VARIABLE: str(self._path)}

    def __enter__(self) -> Self:
        self._file = self._path.open("r+b")
        self._ahead = mmap.mmap(self._file.fileno(), 8)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ahead.close()
        self._file.close()

    def set(self, seconds: float) -> None:
        """Put the clock ``seconds`` ahead of the true time (below 0: behind it)."""
        self._ahead[:8] = struct.pack("d", seconds)
