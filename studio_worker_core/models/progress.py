"""How far the files of a model are, together, told a few times a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.wire.models import ModelFile

_log = logging.getLogger("studio_worker.models.progress")

_TELL_SECONDS = 0.25
_LOG_SECONDS = 30.0


class FileProgress(Struct, frozen=True):
    """One file: bytes there, bytes in all when known, and whether it is done."""

    name: str
    done: int
    total: int | None
    is_complete: bool = False


class DownloadProgress:
    """Adds up the progress of ``files``. Thread-safe."""

    def __init__(
        self,
        files: Sequence[ModelFile],
        on_progress: Callable[[float, str], None] | None,
        on_file: Callable[[FileProgress], None] | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_progress = on_progress
        self._on_file = on_file
        self._clock = clock
        self._lock = threading.Lock()
        self._done = {file.filename: 0 for file in files}
        self._total = {file.filename: file.approx_bytes or 0 for file in files}
        self._fraction = 0.0
        self._told = self._logged = clock()
        self._is_moving = False

    def reporter(self, file: ModelFile) -> Callable[[int, int | None], None]:
        """The callback for the download of one file."""
        return lambda done, total: self._moved(file.filename, done, total)

    def present(self, file: ModelFile) -> None:
        """``file`` is complete."""
        name = file.filename
        with self._lock:
            self._total[name] = self._done[name] = max(self._done[name], self._total[name], 1)
            size = self._done[name]
            moving = self._is_moving
        if self._on_file is not None:
            self._on_file(FileProgress(name, size, size, is_complete=True))
        if moving:
            self._tell(name, force=True)

    def _moved(self, name: str, done: int, total: int | None) -> None:
        with self._lock:
            self._is_moving = True
            self._done[name] = done
            self._total[name] = max(total if total is not None else self._total[name], done)
            now = self._clock()
            if now - self._told < _TELL_SECONDS:
                return
            self._told = now
            is_due = now - self._logged >= _LOG_SECONDS
            if is_due:
                self._logged = now
        if self._on_file is not None:
            self._on_file(FileProgress(name, done, total))
        self._tell(name)
        if is_due:
            _log.info("%s: %s of %s", name, shown_bytes(done), _shown(total))

    def _tell(self, name: str, *, force: bool = False) -> None:
        if self._on_progress is None:
            return
        with self._lock:
            done, total = sum(self._done.values()), sum(self._total.values())
            fraction = min(done / total, 1.0) if total else 0.0
            if fraction < self._fraction and not force:
                fraction = self._fraction
            self._fraction = max(self._fraction, fraction)
            fraction = self._fraction
        self._on_progress(fraction, f"downloading {name}: {shown_bytes(done)} of {_shown(total)}")


def _shown(total: int | None) -> str:
    return shown_bytes(total) if total else "?"
