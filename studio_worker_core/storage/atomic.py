"""Files written whole or not at all: a reader sees the old bytes or the new, whatever ends
the writer.

The bytes go to a draft beside the file, which then takes its name. A writer that is killed
leaves its draft; whoever keeps other writers out may remove it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from studio_worker_core.storage.disk import Disk, sync_directory

_LONGEST_NAME = 200
_DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp", re.DOTALL)


def write_whole(path: Path, data: bytes, *, sync: bool = True, disk: Disk | None = None) -> None:
    """Make ``data`` the content of ``path``, readable by its owner only; a link is replaced.

    With ``sync`` it is on stable storage when this returns. Raises OSError, FileNotFoundError
    for a directory that is not there; the old file then stands.
    """
    disk = disk or Disk()
    draft = draft_beside(path)
    try:
        disk.write_file(draft, data, sync=sync)
        disk.move(draft, path)
    except (Exception, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            disk.remove_file(draft)
        raise
    if sync:
        disk.sync_directory(path.parent)


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A new file to write to, which takes the place of ``path`` at the end of the block. When
    the block raises, it is gone and the old file stands.

    It keeps the permissions of the old file; a new one has those of any file a user makes. A
    link is replaced. Raises OSError.
    """
    draft = draft_beside(path)
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            draft.chmod(stat.S_IMODE(path.stat().st_mode))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sync:
        sync_directory(path.parent)


def draft_beside(path: Path) -> Path:
    """A new name in the directory of ``path``, however long its own is."""
    return path.with_name(f".{shortened(path.name)}.{os.urandom(4).hex()}.tmp")


def is_draft(name: str) -> bool:
    """Whether a file of that name is what a killed writer left."""
    return _DRAFT.fullmatch(name) is not None


def remove_drafts(path: Path) -> None:
    """Remove what killed writers of ``path`` left; for whoever keeps other writers out."""
    name = shortened(path.name)
    with contextlib.suppress(OSError):
        for each in path.parent.iterdir():
            found = _DRAFT.fullmatch(each.name)
            if found is not None and found[1] == name:
                each.unlink(missing_ok=True)


def shortened(name: str) -> str:
    """``name``, with room behind it for more where file systems allow 255 bytes."""
    # Cut between characters, and never decoded: a locale may not know those of the name.
    name = name[:_LONGEST_NAME]
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return name
