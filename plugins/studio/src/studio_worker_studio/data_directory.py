"""The studio's data directory: made private, held by one process, and what is not private said."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
from pathlib import Path

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.storage.locks import FileLock
from studio_worker_studio.errors import DataDirectoryInUse
from studio_worker_studio.settings import Settings

log = logging.getLogger("studio_worker.studio")


class DataDirectory:
    """One studio's directory, taken for this process until :meth:`close`. Files are made with
    mode 0600 and directories with 0700; what is there already keeps its mode, and is named in
    the log when others can read it. Only the database is closed to them in any case."""

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            StudioWorkerError: it cannot be used, or another studio has it.
        """
        self._settings = settings
        self._lock = FileLock(settings.data / "studio.lock")
        try:
            settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._lock.acquire():
                raise DataDirectoryInUse(settings.data)
            if settings.postgres is None:
                _make_private(settings.database)
        except OSError as error:
            self.close()
            raise StudioWorkerError(f"cannot use the data directory: {error}") from None

    def tell_open(self) -> None:
        """Name in the log what others can read."""
        settings = self._settings
        _tell_open([settings.data, settings.results, settings.operator_token_file])

    def close(self) -> None:
        """Let others have it."""
        self._lock.release()


def _make_private(database: Path) -> None:
    if sys.platform == "win32":  # private by the directory's inherited rights
        return
    # SQLite gives its side files the mode of the database, so that has to come first.
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for path in (database, *(Path(f"{database}{end}") for end in ("-wal", "-shm"))):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _tell_open(paths: list[Path]) -> None:
    if sys.platform == "win32":
        return
    for path in paths:
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                wanted = "700" if path.is_dir() else "600"
                log.warning(
                    "%s has mode %03o: other users of this machine may get at it; run: chmod %s %s",
                    *(path, mode, wanted, path),
                )
