"""Room on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["free_bytes", "shown_bytes"]


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
