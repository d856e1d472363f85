"""What the studio asks of the place where result files are.

Files are named ``<jobId>.<ext>``. Nothing is said of directories: the place may be one on this
machine, or an object store that several studios and others write to. Every call blocks, so it
belongs on a thread; it raises :class:`OSError` when the place fails, and nothing has changed
then. What is in the place and not this studio's stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


def result_name(job_id: str, ext: str) -> str:
    """The name of a job's file. ``ext`` has been checked to be plain letters and digits."""
    return f"{job_id}.{ext}"


class Incoming(Protocol):
    """A file that is on its way in. It is no result before :meth:`keep`."""

    def write(self, data: bytes | memoryview) -> None:
        """Add to its end."""

    def finish(self) -> None:
        """It is whole: a crash loses nothing of it from here on."""

    def read(self) -> bytes:
        """All of a finished one."""

    def keep(self, name: str, sha256: str) -> None:
        """Make a finished one the file ``name``, for good when this returns. Another file of
        that name is set aside, unless its digest is ``sha256``, too: that is what a crash
        between file and database leaves."""

    def discard(self) -> None:
        """Remove it unless it is kept; harmless when it is gone."""


class ResultReader(Protocol):
    """A file that is being read. It can be read to its end even if it is deleted meanwhile."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def modified(self) -> float:
        """When it was stored, in seconds since the epoch."""

    def read(self, start: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``start`` on; none only behind the end."""

    def close(self) -> None:
        """Let go of it."""


class ResultStorage(Protocol):
    """The files of finished jobs, complete or not there at all."""

    def prepare(self) -> None:
        """Make ready for use; harmless when it is."""

    def receive(self) -> Incoming:
        """A new file."""

    def open(self, name: str) -> ResultReader:
        """
        Raises:
            FileNotFoundError: there is no file of that name.
        """

    def size(self, name: str) -> int | None:
        """In bytes; None when there is no file of that name."""

    def sha256(self, name: str) -> str:
        """The digest of a file's bytes, in hex."""

    def delete(self, name: str) -> None:
        """Remove a file; harmless when it is gone."""

    def unknown(self, known: Collection[str]) -> list[str]:
        """The names of what is here beside the files ``known``, in order."""

    def set_aside(self, name: str) -> str:
        """Take a file out of the way without writing over anything. Answers where it is now,
        for a person."""

    def where(self, name: str) -> str:
        """Where a file is, for a person."""

    def clear_incoming(self) -> list[str]:
        """Remove the files of this studio that a crash left on their way in. Answers where
        there is anything else among them, for a person."""
