"""One worker per config directory, ours or the original one."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from studio_worker_core.errors import AlreadyRunning, ConfigError
from studio_worker_core.storage.locks import FileLock

log = logging.getLogger("studio_worker.host")

_PAUSE_SECONDS = 0.2


def pid_path(lock_path: Path) -> Path:
    """The file beside the lock that names its holder: ``daemon.pid`` of ``daemon.lock``."""
    return lock_path.with_suffix(".pid")


class InstanceLock:
    """Held while a worker runs; the file beside it names the holder's process id.

    The kernel lets go of it when the process ends in whatever way, so a lock is never
    stale and its file is never removed (removing it would let two workers each hold a
    lock, one on the old file and one on a new).

    With ``wait``, entering waits for another holder to end, or for that event: then
    :attr:`held` is false.

    Raises, on entering:
        AlreadyRunning: another process holds it (``pid``, when it can be read).
        ConfigError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, *, wait: Event | None = None) -> None:
        self.path = path
        self._wait = wait
        self._lock = FileLock(path)

    @property
    def held(self) -> bool:
        """True while it is ours."""
        return self._lock.held

    def __enter__(self) -> Self:
        try:
            self.acquire()
        except AlreadyRunning as error:
            if self._wait is None:
                raise
            log.info("waiting for it to end: %s", error)
            self._acquire_when_free(self._wait)
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
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._lock.acquire():
                raise AlreadyRunning(self.path, _pid_in(pid_path(self.path)))
        except OSError as error:
            raise ConfigError(
                f"cannot open the lock file {self.path}: {error.strerror}", path=self.path
            ) from error
        # The pid helps people; on a full disk the lock holds without it.
        with contextlib.suppress(OSError):
            pid_path(self.path).write_text(f"{os.getpid()}\n", "ascii")

    def _acquire_when_free(self, stop: Event) -> None:
        while not stop.wait(_PAUSE_SECONDS):
            with contextlib.suppress(AlreadyRunning):
                self.acquire()
                return

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._lock.held:
            with contextlib.suppress(OSError):
                pid_path(self.path).unlink()
            self._lock.release()


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
