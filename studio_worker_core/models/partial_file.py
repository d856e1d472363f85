"""An unfinished download: the bytes so far, their checksum, and what they belong to.

``model.gguf.part`` holds the bytes, ``model.gguf.part.json`` where they came from and the
validator that lets a server say whether the rest still fits (RFC 9110 §13.1.5, If-Range).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from studio_worker_core.models.durable import replace_durably, sync_directory

__all__ = ["PartState", "PartialFile"]

_CHUNK = 1 << 20


class PartState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the bytes of a ``.part`` belong to."""

    url: str
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None

    @property
    def validator(self) -> str | None:
        """For ``If-Range``: a strong entity tag, else the date."""
        if self.etag is not None and self.etag.startswith('"'):
            return self.etag
        return self.last_modified

    def continues(self, wanted: PartState) -> bool:
        """Whether bytes kept under this state may be the start of what is ``wanted``."""
        if wanted.sha256 is not None:
            return self.sha256 == wanted.sha256
        return self.url == wanted.url and self.validator is not None


class PartialFile:
    """A context manager over the part of ``target``; opening it resumes what is there.

    ``check`` is called while a resumed start is hashed and may raise to end that.
    """

    def __init__(self, target: Path, wanted: PartState, check: Callable[[], None]) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._state_path = target.with_name(f"{target.name}.part.json")
        self._wanted = wanted
        self._check = check
        self._descriptor = -1
        self.state = wanted
        self.size = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> PartialFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(self.path, flags, 0o644)
        try:
            kept = self._read_state()
            if kept is not None and kept.continues(self._wanted):
                self.state = kept
                self._take_up()
            else:
                self.restart()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read_state(self) -> PartState | None:
        try:
            return msgspec.json.decode(self._state_path.read_bytes(), type=PartState)
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return None

    def _take_up(self) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while chunk := os.read(self._descriptor, _CHUNK):
            self._check()
            self._hash.update(chunk)
            self.size += len(chunk)
        if self.state.total is not None and self.size > self.state.total:
            self.restart()

    def restart(self) -> None:
        """Start over with nothing."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.size = 0
        self.state = self._wanted

    def describe(self, etag: str | None, last_modified: str | None, total: int | None) -> None:
        """Note what the server says about the file, before its bytes are written."""
        self.state = msgspec.structs.replace(
            self._wanted, etag=etag, last_modified=last_modified, total=total
        )
        replace_durably(self._state_path, msgspec.json.encode(self.state), sync=False)

    def write(self, data: bytes) -> None:
        """Append ``data``; on an error the part keeps only whole chunks."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self._hash.update(data)
        self.size += len(data)

    def checksum(self) -> str:
        """SHA-256 of the bytes so far, lower-case hex."""
        return self._hash.hexdigest()

    def publish(self) -> None:
        """Make the part the file, for good: bytes and name reach the disk."""
        os.fsync(self._descriptor)
        self._close()
        self.path.replace(self.target)
        sync_directory(self.target.parent)
        self._state_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the part; what it held is no start of the file."""
        self._close()
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)
