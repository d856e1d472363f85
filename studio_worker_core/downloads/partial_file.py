"""An unfinished download: the bytes so far, their checksum, and what they belong to.

``model.gguf.part`` holds the bytes, ``model.gguf.part.json`` where they came from, the
validator that lets a server say whether the rest still fits (RFC 9110 §13.1.5, If-Range), and
how many bytes are surely there with their checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from studio_worker_core.storage.aside import set_aside
from studio_worker_core.storage.atomic import write_whole
from studio_worker_core.storage.disk import sync_directory

_log = logging.getLogger("studio_worker.downloads.partial_file")

_CHUNK = 1 << 20
_FIRST_CHECKPOINT_BYTES = 64 << 10
_CHECKPOINT_BYTES = 256 << 20
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


class PartState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the bytes of a ``.part`` belong to."""

    url: str
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None
    media_type: str = ""
    """What the server called the bytes."""
    kept: int = 0
    """Bytes that are known to be on disk; the rest of the part counts as not there."""
    digest: str | None = None
    """SHA-256 of those bytes: a part that somebody else touched is no start of the file."""

    @property
    def validator(self) -> str | None:
        """For ``If-Range``: a strong entity tag. A date is too coarse to join bytes by."""
        return strong_etag(self.etag)

    def continues(self, wanted: PartState) -> bool:
        """Whether bytes kept under this state may be the start of what is ``wanted``."""
        is_same = (
            self.sha256 == wanted.sha256 if wanted.sha256 is not None else self.url == wanted.url
        )
        return is_same and self.validator is not None and self.digest is not None


# Made at import: two threads that are the first to decode a type end the process (msgspec 0.22).
_STATE = msgspec.json.Decoder(PartState)


def strong_etag(value: str | None) -> str | None:
    """``value`` if it is a strong entity tag (RFC 9110 §8.8.3)."""
    return value if value is not None and _STRONG_ETAG.fullmatch(value) else None


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
        self._noted = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> PartialFile:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = _read_state(self._state_path)
        if _is_foreign(self.path, has_state=kept is not None):
            aside = set_aside(self.path, word="aside")
            _log.warning("%s is not ours; it was kept as %s", self.path, aside.name)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(self.path, flags, 0o644)
        try:
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
        try:
            # What cannot be noted now is fetched again the next time.
            with contextlib.suppress(OSError):
                if self._descriptor >= 0 and self.size and self.state.validator is not None:
                    self._checkpoint()
        finally:
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take_up(self) -> None:
        """Read back the bytes that were noted; others than those start it over.

        So does a part of full size without a checksum: nothing says any more that it is whole.
        """
        kept = self.state.kept
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while chunk := os.read(self._descriptor, min(_CHUNK, kept - self.size)):
            self._check()
            self._hash.update(chunk)
            self.size += len(chunk)
        is_full = self.state.total is not None and self.size >= self.state.total
        is_unproven = is_full and (self._wanted.sha256 is None or self.size != self.state.total)
        if self.size != kept or self.checksum() != self.state.digest or is_unproven:
            self.restart()
        else:
            os.ftruncate(self._descriptor, kept)
            self._noted = kept

    def restart(self) -> None:
        """Start over with nothing."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.size = self._noted = 0
        self.state = self._wanted

    def _checkpoint(self) -> None:
        """Bring what is there to the disk and note how far it goes."""
        os.fsync(self._descriptor)
        self.state = msgspec.structs.replace(self.state, kept=self.size, digest=self.checksum())
        write_whole(self._state_path, msgspec.json.encode(self.state), sync=False)
        self._noted = self.size

    def describe(
        self, etag: str | None, last_modified: str | None, total: int | None, media_type: str
    ) -> None:
        """Note what the server says about the file, before its bytes are written."""
        self.state = msgspec.structs.replace(
            self._wanted,
            etag=etag,
            last_modified=last_modified,
            total=total,
            media_type=media_type,
            kept=self.size,
            digest=self.checksum(),
        )
        write_whole(self._state_path, msgspec.json.encode(self.state), sync=False)

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
        if self.state.validator is not None and self.size - self._noted >= self._step():
            self._checkpoint()

    def _step(self) -> int:
        """Bytes until the next note: a killed worker loses half of what came or less, and a
        large file is not synced all the time."""
        return min(max(self._noted, _FIRST_CHECKPOINT_BYTES), _CHECKPOINT_BYTES)

    def checksum(self) -> str:
        """SHA-256 of the bytes so far, lower-case hex."""
        return self._hash.hexdigest()

    def publish(self, *, keep_old: bool = False) -> None:
        """Make the part the file, for good: bytes and name reach the disk.

        With ``keep_old`` a file that has the name already is set aside, not replaced.
        """
        os.fsync(self._descriptor)
        self._close()
        if keep_old and os.path.lexists(self.target):
            aside = set_aside(self.target, word="aside")
            _log.warning(
                "%s was not downloaded by this worker; it was kept as %s", self.target, aside.name
            )
        self.path.replace(self.target)
        sync_directory(self.target.parent)
        self._state_path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the part; what it held is no start of the file."""
        self._close()
        self.path.unlink(missing_ok=True)
        self._state_path.unlink(missing_ok=True)


def is_own_state(path: Path) -> bool:
    """Whether ``path`` is the note a download of ours keeps beside its part."""
    return _read_state(path) is not None


def _read_state(path: Path) -> PartState | None:
    try:
        return _STATE.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return None


def _is_foreign(path: Path, *, has_state: bool) -> bool:
    """Whether something is at ``path`` that no download of ours left there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(found.st_mode) or (found.st_size > 0 and not has_state)
