"""Whether a file has changed, without reading it."""

from __future__ import annotations

from pathlib import Path


def stamp_of(path: Path) -> tuple[int, int, int]:
    """Time of change in nanoseconds, size and inode; zeros where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino
