"""Looking at a finished result in the engine's process: its digest, those of the inputs, and a
small picture of it.

The files are opened before the result is handed over and read after, so that nobody waits for
this; wherever they are moved meanwhile, they stay open here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from studio_worker_core.lanes import protocol as messages
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.lanes.thumbnails import thumbnail_of

MOST_HASHED = 512 << 20
"""Bytes; larger files have no digest: the process is to do its next job soon."""

_PART = 1 << 20


class Inspector:
    """The files of one job, open. A context manager; it never raises but what ends a process."""

    def __init__(self, order: messages.Generate, answer: messages.Done | messages.Failed) -> None:
        self._job_id = order.job_id
        self._files: dict[str, BinaryIO] = {}
        self._ready: Inspection | None = None
        self._ext = ""
        if order.wanted is None or not order.wanted.inspection:
            return
        if not isinstance(answer, messages.Done):
            return
        self._ext = Path(answer.file).suffix.removeprefix(".").lower()
        for name, path in {**order.inputs, "": Path(answer.file)}.items():
            with contextlib.suppress(OSError, ValueError):
                self._files[name] = path.open("rb")
        if sys.platform == "win32":  # there an open file cannot be moved
            self._ready = self._look()
            self.close()

    def report(self, send: Callable[[messages.FromChild], None]) -> None:
        """Say what was found, if anybody wants to know."""
        found = self._ready or (self._look() if self._files else None)
        self.close()
        if found is not None:
            send(messages.Inspected(self._job_id, found))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
        self._files.clear()

    def _look(self) -> Inspection:
        digests = {name: _digest(file) for name, file in self._files.items()}
        result = self._files.get("")
        picture = thumbnail_of(result, self._ext) if result is not None else b""
        return Inspection(
            sha256=digests.pop("", None),
            thumbnail=picture,
            inputs={name: digest for name, digest in digests.items() if digest is not None},
        )


def _digest(file: BinaryIO) -> str | None:
    try:
        if os.fstat(file.fileno()).st_size > MOST_HASHED:
            return None
        digest = hashlib.sha256()
        file.seek(0)
        while part := file.read(_PART):
            digest.update(part)
        return digest.hexdigest()
    except OSError:
        return None
