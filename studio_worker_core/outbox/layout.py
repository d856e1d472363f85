"""Where things lie in the outbox, and reading them while another process moves them."""

from __future__ import annotations

import itertools
import logging
import os
from datetime import datetime
from pathlib import Path

from studio_worker_core.errors import OutboxError
from studio_worker_core.foreign_text import printable
from studio_worker_core.outbox.manifest import MANIFEST_NAME, Entry, read_manifest
from studio_worker_core.storage.disk import Disk

_log = logging.getLogger("studio_worker.outbox")

_LONGEST_NAME = 200


class Layout:
    """The three places of the outbox: what waits, what was refused, what cannot be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "jobs"
        self.refused = root / "refused"
        self.corrupt = root / "corrupt"

    def make(self, disk: Disk) -> None:
        """Make the directories that are missing."""
        for path in (self.root, self.jobs, self.refused, self.corrupt):
            if not path.is_dir():
                disk.make_directory(path)

    def set_aside(self, disk: Disk, path: Path, now: datetime) -> Path:
        """Move ``path`` to ``corrupt/`` under a new name and return where it is now."""
        # A name as long as the file system allows has no room for the time behind it.
        name = os.fsdecode(os.fsencode(path.name)[:_LONGEST_NAME])
        target = free_path(self.corrupt, f"{name}-{now:%Y%m%dT%H%M%SZ}")
        disk.make_directory(self.corrupt)
        disk.move(path, target)
        disk.sync_directory(self.corrupt)
        return target

    def forget_corrupt(self, disk: Disk, path: Path) -> None:
        """Remove something from ``corrupt/`` for good."""
        if path.parent != self.corrupt:
            raise OutboxError(f"{path} is not in {self.corrupt}", path=path)
        if path.is_dir() and not path.is_symlink():
            disk.remove_tree(path)
        else:
            disk.remove_file(path)


def free_path(parent: Path, name: str, suffix: str = "") -> Path:
    """``parent/name.suffix``, or with ``~2``, ``~3`` … behind the name when that is taken."""
    numbered = (f"{name}~{number}" for number in itertools.count(2))
    candidates = (parent / (each + suffix) for each in itertools.chain((name,), numbered))
    return next(path for path in candidates if not os.path.lexists(path))


def shown(value: object) -> str:
    """A path, or a message with one, as text that can be printed whatever its bytes are."""
    return printable(str(value))


def _directories(parent: Path) -> list[tuple[str, str]]:
    """Name and path of each directory in ``parent``, by name; none when it is not there."""
    try:
        with os.scandir(parent) as found:
            return sorted(
                (each.name, each.path) for each in found if each.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []


class EntryReader:
    """Reads the finished results in one place; a manifest that did not change is read once.

    Results that come and go meanwhile are simply there or not. One that cannot be read is
    left out and logged once; recovery at the next start sets it aside.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._known: dict[str, tuple[tuple[int, ...], Entry | None]] = {}

    def entries(self) -> list[Entry]:
        """Every finished result there, oldest first."""
        known: dict[str, tuple[tuple[int, ...], Entry | None]] = {}
        for name, path in _directories(self._parent):
            try:
                found = self._read(name, path)
            except FileNotFoundError:
                continue
            except OSError as error:
                found = self._unreadable(self._parent / name, error)
            known[name] = found
        self._known = known
        entries = [entry for _, entry in known.values() if entry is not None]
        return sorted(entries, key=lambda entry: (entry.manifest.created, entry.key))

    def _unreadable(self, directory: Path, error: OSError) -> tuple[tuple[int, ...], Entry | None]:
        stamp = (-1, error.errno or 0)
        cached = self._known.get(directory.name)
        if cached is None or cached[0] != stamp:
            reason = error.strerror or error
            _log.warning("passed by in the outbox: %s cannot be read: %s", shown(directory), reason)
        return stamp, None

    def _read(self, name: str, path: str) -> tuple[tuple[int, ...], Entry | None]:
        # No Path for what has not changed: with thousands waiting those are half of the cost.
        facts = os.lstat(f"{path}{os.sep}{MANIFEST_NAME}")
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        cached = self._known.get(name)
        if cached is not None and cached[0] == stamp:
            return cached
        directory = self._parent / name
        try:
            return stamp, Entry(directory, read_manifest(directory))
        except OutboxError as error:
            _log.warning("passed by in the outbox: %s", shown(error))
            return stamp, None
