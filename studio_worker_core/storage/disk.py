"""The disk: the file operations that what must survive a crash is made of, and its room."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_NO_DIRECTORY_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


class Disk:
    """The real disk; each method is one step that a crash can fall before or after, and a
    subclass can let it. Directories are 0700 and files 0600: what is kept is the owner's.

    Every method raises OSError.
    """

    def make_directory(self, path: Path) -> None:
        """Make ``path`` and what is missing above it; one that exists is fine."""
        if not path.parent.is_dir():
            self.make_directory(path.parent)  # mkdir's own parents would be for all to read
        path.mkdir(mode=0o700, exist_ok=True)

    def write_file(self, path: Path, data: bytes, *, sync: bool = True) -> None:
        """Make a new file with these bytes, with ``sync`` on stable storage when this returns."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())

    def make_private(self, path: Path) -> None:
        """Have only the owner read a file that somebody else wrote."""
        path.chmod(0o600)

    def sync_file(self, path: Path) -> None:
        """Put the bytes of a file on stable storage."""
        with path.open("r+b") as file:
            os.fsync(file.fileno())

    def move(self, source: Path, target: Path) -> None:
        """Rename within the file system, atomically."""
        source.replace(target)

    def sync_directory(self, path: Path) -> None:
        """Put the names in ``path`` on stable storage, where the platform can."""
        sync_directory(path)

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


def sync_directory(path: Path) -> None:
    """Have a rename in ``path`` survive a power cut, where the platform can.

    Raises:
        OSError: the disk failed.
    """
    if sys.platform == "win32":  # it cannot open a directory, and flushes renames itself
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # one that may be written to and not be read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)


def is_full(error: OSError) -> bool:
    """Whether ``error`` says that there is no room, on the disk or in a quota."""
    return error.errno in _FULL


def free_bytes(path: Path) -> int:
    """Bytes this user may still write where ``path`` is or would be.

    Raises:
        OSError: the file system cannot be asked.
    """
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def shown_bytes(count: float) -> str:
    """``count`` for people, in decimal units: ``3.2 GB``."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB" if size < 1000 else f"{size / 1000:.1f} TB"
