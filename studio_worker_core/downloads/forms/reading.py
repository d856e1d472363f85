"""Bounded reading of a file's structure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO

Checkpoint = Callable[[], None]
"""Called now and then; may raise to end a long check."""

_LOOK_STEPS = 4096


class FormFault(Exception):
    """The file is not of its form; the message completes "the file …"."""


class Reader:
    """Reads little pieces of ``file`` in order, never past its ``size``.

    ``steps`` bounds how many pieces are read: the numbers in a header are the sender's.
    """

    def __init__(self, file: BinaryIO, size: int, check: Checkpoint, *, steps: int) -> None:
        self._file = file
        self.size = size
        self.at = 0
        self._check = check
        self._steps = steps

    def step(self) -> None:
        """Count one piece. Raises :class:`FormFault` when there are too many."""
        self._steps -= 1
        if self._steps < 0:
            raise FormFault("has a header with too many parts")
        if self._steps % _LOOK_STEPS == 0:
            self._check()

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes. Raises :class:`FormFault` at the end of the file."""
        self._expect(count)
        data = self._file.read(count)
        if len(data) != count:
            raise FormFault("ends in the middle of its header")
        self.at += count
        return data

    def skip(self, count: int) -> None:
        """Pass over ``count`` bytes. Raises :class:`FormFault` beyond the end of the file."""
        self._expect(count)
        self.at += count
        self._file.seek(self.at)

    def number(self, form: str) -> int:
        """One integer in the form of :mod:`struct`."""
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def _expect(self, count: int) -> None:
        self.step()
        if count < 0 or count > self.size - self.at:
            raise FormFault("ends before what its header tells of; it is cut off")
