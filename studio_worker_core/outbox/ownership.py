"""The proof that a directory in the outbox is this program's: without it nothing is deleted."""

from __future__ import annotations

import stat
from pathlib import Path

from studio_worker_core.storage.disk import Disk

DRAFT_MARKER = ".studio-worker-draft"
_TEXT = b"made by studio-worker for the result of one job; safe to remove with its directory\n"


def mark(disk: Disk, directory: Path) -> None:
    """Say in a new directory that it is ours; without space for that it is gone again."""
    try:
        # A power cut that takes the marker takes the draft, or leaves one to be set aside.
        disk.write_file(directory / DRAFT_MARKER, _TEXT, sync=False)
    except OSError:
        remove_ours(disk, directory)
        raise


def is_ours(directory: Path) -> bool:
    """Whether :func:`mark` made it so; also true of an empty directory, which loses nothing."""
    try:
        facts = (directory / DRAFT_MARKER).lstat()
    except FileNotFoundError:
        return not any(directory.iterdir())
    if not stat.S_ISREG(facts.st_mode):
        return False
    # A crash may have cut it short.
    return _TEXT.startswith((directory / DRAFT_MARKER).read_bytes())


def remove_ours(disk: Disk, directory: Path) -> None:
    """Remove a directory that is ours; the marker goes last, so that a removal cut short
    can be ended later."""
    for each in sorted(directory.iterdir()):
        if each.name == DRAFT_MARKER:
            continue
        if each.is_dir() and not each.is_symlink():
            disk.remove_tree(each)
        else:
            disk.remove_file(each)
    disk.remove_tree(directory)
