"""Result files in a directory of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Collection
from pathlib import Path

from studio_worker_core.storage.aside import move_to_free
from studio_worker_core.storage.disk import sync_directory
from studio_worker_studio.results.interface import Incoming, ResultReader

_UPLOAD = re.compile(r"[0-9a-f]{24}\.upload")
_PIECE_BYTES = 1024 * 1024
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class FileResults:
    """``<directory>/<jobId>.<ext>``; uploads in progress are under ``.incoming`` on the same
    file system, so that a rename makes them whole or leaves nothing.

    ``aside`` is where a file goes that is in the way of a result and not the same: it may be a
    genuine result that a restored database does not know.
    """

    def __init__(self, directory: Path, aside: Path) -> None:
        self._directory = directory
        self._incoming = directory / ".incoming"
        self._aside = aside

    def prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._incoming.mkdir(exist_ok=True, mode=0o700)

    def receive(self) -> Incoming:
        return _IncomingFile(self, self._incoming / f"{secrets.token_hex(12)}.upload")

    def open(self, name: str) -> ResultReader:
        return _FileReader(self._directory / name)

    def size(self, name: str) -> int | None:
        try:
            found = (self._directory / name).lstat()
        except FileNotFoundError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with (self._directory / name).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._directory / name).unlink()

    def unknown(self, known: Collection[str]) -> list[str]:
        names = {*known, self._incoming.name}
        return sorted(path.name for path in self._directory.iterdir() if path.name not in names)

    def set_aside(self, name: str) -> str:
        self._aside.mkdir(exist_ok=True, mode=0o700)
        return str(move_to_free(self._directory / name, self._aside / name))

    def where(self, name: str) -> str:
        return str(self._directory / name)

    def clear_incoming(self) -> list[str]:
        strangers = []
        for path in sorted(self._incoming.iterdir()):
            if _UPLOAD.fullmatch(path.name) and stat.S_ISREG(path.lstat().st_mode):
                path.unlink(missing_ok=True)
            else:
                strangers.append(str(path))
        return strangers

    def keep(self, incoming: Path, name: str, sha256: str) -> None:
        """Put a complete, fsynced file in its place, and make that last."""
        target = self._directory / name
        if os.path.lexists(target) and not self._is(name, sha256):
            self.set_aside(name)
        incoming.replace(target)
        sync_directory(self._directory)

    def _is(self, name: str, sha256: str) -> bool:
        try:
            return self.size(name) is not None and self.sha256(name) == sha256
        except OSError:
            return False


class _IncomingFile:
    def __init__(self, results: FileResults, path: Path) -> None:
        self._results = results
        self._path = path
        self._file = os.fdopen(os.open(path, _NEW_FILE, 0o600), "wb")

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def read(self) -> bytes:
        return self._path.read_bytes()

    def keep(self, name: str, sha256: str) -> None:
        self._results.keep(self._path, name, sha256)

    def discard(self) -> None:
        # What could not be flushed is of no use any more.
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


class _FileReader:
    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        found = os.fstat(self._file.fileno())
        self.size = found.st_size
        self.modified = found.st_mtime

    def read(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        return self._file.read(length)

    def close(self) -> None:
        self._file.close()
