"""Putting the outbox in order after whatever ended the last worker."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox.layout import Layout, free_path, shown
from studio_worker_core.outbox.manifest import Entry, read_manifest
from studio_worker_core.outbox.ownership import is_ours, remove_ours
from studio_worker_core.storage.atomic import is_draft
from studio_worker_core.storage.disk import Disk


def recover(layout: Layout, disk: Disk, now: datetime) -> list[str]:
    """Leave only finished results in ``jobs/`` and refused ones in ``refused/``.

    Returns what was done, a line each, for the log. Must not run beside a worker
    on the same outbox: its work in progress looks like an unfinished leftover.
    """
    layout.make(disk)
    done: list[str] = []
    for place in (layout.jobs, layout.refused):
        for path in sorted(place.iterdir()):
            try:
                line = _put_in_order(layout, disk, now, path)
            except OSError as error:
                # One entry that cannot be touched must not keep the others from delivery.
                line = f"left {shown(path)} as it is: {error.strerror or error}"
            if line is not None:
                done.append(line)
    return done


def _put_in_order(layout: Layout, disk: Disk, now: datetime, path: Path) -> str | None:
    if path.is_symlink() or not path.is_dir():
        if is_draft(path.name):
            disk.remove_file(path)
            return f"removed the temporary file {shown(path)}"
        return f"passed by {shown(path)}: it is not a directory, and not made by this worker"
    for each in list(path.iterdir()):
        if is_draft(each.name):
            disk.remove_file(each)
    try:
        entry = Entry(path, read_manifest(path))
    except FileNotFoundError:
        # Without a manifest nothing was finished, or its removal had begun.
        if not is_ours(path):
            return f"passed by {shown(path)}: nothing in it says that this worker made it"
        remove_ours(disk, path)
        return f"removed the unfinished work in {shown(path)}"
    except OutboxError as error:
        return _set_aside(layout, disk, now, path, str(error))
    reason = defect(entry)
    if reason is not None:
        return _set_aside(layout, disk, now, path, reason)
    if entry.manifest.refused is not None and path.parent == layout.jobs:
        target = free_path(layout.refused, path.name)
        disk.move(path, target)
        return f"finished moving the refused result of job {entry.job_id} to {shown(target)}"
    return None


def _set_aside(layout: Layout, disk: Disk, now: datetime, path: Path, reason: str) -> str:
    target = layout.set_aside(disk, path, now)
    return f"set {shown(path)} aside as {shown(target)}: {shown(reason)}"


def defect(entry: Entry) -> str | None:
    """Why the file of a finished result is not what its manifest says; None when it is.

    The size is compared, not the digest: the file was on stable storage before its manifest
    was, so a crash cannot tear it.
    """
    try:
        size = entry.path.lstat().st_size
    except OSError as error:
        return f"{entry.path} cannot be read: {error.strerror or error}"
    if entry.path.is_symlink() or not entry.path.is_file():
        return f"{entry.path} is not a plain file"
    if size != entry.manifest.bytes:
        return f"{entry.path} has {size} bytes, its manifest says {entry.manifest.bytes}"
    return None
