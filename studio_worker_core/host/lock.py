"""One worker per config directory."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from studio_worker_core import file_lock
from studio_worker_core.errors import AlreadyRunning, ConfigError

__all__ = ["InstanceLock"]


class InstanceLock:
    """Held while a worker runs; the file names the holder's process id.

    The kernel lets go of it when the process ends in whatever way, so a lock is never
    stale and the file is never removed (removing it would let two workers each hold a
    lock, one on the old file and one on a new).

    Raises, on entering:
        AlreadyRunning: another process holds it (``pid``, when it can be read).
        ConfigError: the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock, at once or not at all."""
        if self._descriptor is not None:
            raise AlreadyRunning(self.path, os.getpid())
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Not inheritable (the default): no engine process keeps it alive.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(
                f"cannot open the lock file {self.path}: {error.strerror}", path=self.path
            ) from error
        try:
            if not file_lock.acquire(descriptor):
                raise AlreadyRunning(self.path, _pid_in(descriptor))
            _write_pid(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            file_lock.release(descriptor)
            os.close(descriptor)


def _pid_in(descriptor: int) -> int | None:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return int(os.read(descriptor, 32))
    except (OSError, ValueError):
        return None


def _write_pid(descriptor: int) -> None:
    """The pid helps people; on a full disk the lock holds without it."""
    text = f"{os.getpid()}\n".encode()
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)
    except OSError:
        return
