"""Result files: one for each finished job, complete or not there at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Collection
from pathlib import Path

__all__ = ["ResultFiles"]


class ResultFiles:
    """``<directory>/<jobId>.<ext>``; uploads in progress are under ``.incoming`` on the same
    file system, so that a rename makes them whole or leaves nothing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / ".incoming"

    def make(self) -> None:
        """Make the directories.

        Raises:
            OSError: they cannot be made.
        """
        self._incoming.mkdir(parents=True, exist_ok=True)

    def clear(self, known: Collection[str]) -> None:
        """Remove what a crash left: half uploads, and files that are not ``known`` because
        their job was not yet marked done."""
        for half in self._incoming.iterdir():
            half.unlink()
        names = set(known)
        for path in self._directory.iterdir():
            if path.is_file() and path.name not in names:
                path.unlink()

    def path(self, job_id: str, ext: str) -> Path:
        """Where a job's file is. ``ext`` has been checked to be plain letters and digits."""
        return self._directory / f"{job_id}.{ext}"

    def new_incoming(self) -> Path:
        """A path for an upload to be written to."""
        return self._incoming / f"{secrets.token_hex(12)}.upload"

    def keep(self, incoming: Path, job_id: str, ext: str) -> None:
        """Put a complete, fsynced upload in its place, and make that last."""
        incoming.replace(self.path(job_id, ext))
        _sync_directory(self._directory)

    def discard(self, incoming: Path) -> None:
        """Remove an upload that is not kept; harmless when it is gone."""
        with contextlib.suppress(FileNotFoundError):
            incoming.unlink()


def _sync_directory(directory: Path) -> None:
    if sys.platform == "win32":  # directories cannot be opened there
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
