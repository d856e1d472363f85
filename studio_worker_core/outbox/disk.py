"""The file operations the outbox is made of: each is one step that a crash can fall before
or after, and the one place where a full disk is put into words."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from studio_worker_core.errors import OutboxError
from studio_worker_core.host.disk import free_bytes, shown_bytes

__all__ = ["Disk", "is_temporary", "write_whole", "writing"]

_FULL = frozenset(
    number
    for number in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", None))
    if number is not None
)
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
_TEMPORARY = ".tmp"


class Disk:
    """The real disk. Directories are 0700 and files 0600: results are the owner's."""

    def make_directory(self, path: Path) -> None:
        """Make ``path`` and what is missing above it; one that exists is fine."""
        if not path.parent.is_dir():
            self.make_directory(path.parent)  # mkdir's own parents would be for all to read
        path.mkdir(mode=0o700, exist_ok=True)

    def write_file(self, path: Path, data: bytes) -> None:
        """Make a new file with these bytes, on stable storage when this returns."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def keep_file(self, path: Path) -> None:
        """Make a file that somebody else wrote private, and put it on stable storage."""
        path.chmod(0o600)
        with path.open("r+b") as file:
            os.fsync(file.fileno())

    def move(self, source: Path, target: Path) -> None:
        """Rename within the file system, atomically."""
        source.replace(target)

    def sync_directory(self, path: Path) -> None:
        """Put the names in ``path`` on stable storage, where the platform can."""
        if sys.platform == "win32":
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY_SYNC:  # some network file systems cannot
                raise
        finally:
            os.close(descriptor)

    def remove_file(self, path: Path) -> None:
        """Remove a file; one that has gone is fine."""
        path.unlink(missing_ok=True)

    def remove_tree(self, path: Path) -> None:
        """Remove a directory and all in it; what another process removed first is fine."""
        while path.is_dir() and not path.is_symlink():
            try:
                shutil.rmtree(path)
            except FileNotFoundError:
                continue
            return

    def free_bytes(self, path: Path) -> int:
        """Free bytes of the disk that ``path`` is or will be on."""
        return free_bytes(path)


def write_whole(disk: Disk, path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: afterwards the old file or the new one, never half of it.

    Raises:
        OutboxError: it could not be written, with needed and free bytes on a full disk.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_TEMPORARY}")
    with writing(disk, path, len(data)):
        try:
            disk.write_file(temporary, data)
            disk.move(temporary, path)
        except OSError:
            disk.remove_file(temporary)
            raise
        disk.sync_directory(path.parent)


@contextlib.contextmanager
def writing(disk: Disk, path: Path, needed: int = 0) -> Iterator[None]:
    """Turn an OSError while writing ``path`` into an OutboxError.

    FileNotFoundError passes: another process removed the entry, which callers expect.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in _FULL:
            reason = error.strerror or str(error)
            raise OutboxError(f"cannot write {path}: {reason}", path=path) from error
        free = disk.free_bytes(path.parent)
        raise OutboxError(
            f"cannot write {path}: the disk is full ({shown_bytes(needed)} needed, "
            f"{shown_bytes(free)} free); free some space or raise the file size limit",
            path=path,
            needed=needed,
            free=free,
        ) from error


def is_temporary(name: str) -> bool:
    """Whether a file of that name is what :func:`write_whole` left when it was killed."""
    return name.startswith(".") and name.endswith(_TEMPORARY)
