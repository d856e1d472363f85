"""The steps by which one entry changes its place; the outbox holds its lock around each."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox.layout import Layout, free_path, shown
from studio_worker_core.outbox.manifest import (
    MANIFEST_NAME,
    Entry,
    Refusal,
    is_current,
    read_manifest,
)
from studio_worker_core.outbox.ownership import is_ours, remove_ours
from studio_worker_core.outbox.writing import disk_errors, write_durably
from studio_worker_core.storage.disk import Disk

_log = logging.getLogger("studio_worker.outbox")


class Moves:
    """Writes, moves and removes the entries of one outbox. Each raises OutboxError when it
    cannot, and then nothing has changed."""

    def __init__(self, layout: Layout, disk: Disk, now: Callable[[], datetime]) -> None:
        self._layout = layout
        self._disk = disk
        self._now = now

    def write_manifest(self, entry: Entry, *, sync: bool = True) -> Entry:
        """Put the manifest of ``entry`` beside its result."""
        data = msgspec.json.format(msgspec.json.encode(entry.manifest), indent=2)
        write_durably(self._disk, entry.directory / MANIFEST_NAME, data, sync=sync)
        return entry

    def sync(self, entry: Entry) -> None:
        """Put it on stable storage, with all that leads to it."""
        self.sync_result(entry)
        with disk_errors(self._disk, entry.path):
            self._disk.sync_file(entry.directory / MANIFEST_NAME)
            self._disk.sync_directory(entry.directory)

    def sync_result(self, entry: Entry) -> None:
        """Put its file on stable storage, and its place beside the others."""
        with disk_errors(self._disk, entry.path):
            self._disk.sync_file(entry.path)
            self._disk.sync_directory(entry.directory.parent)

    def move(self, entry: Entry, place: Path, target: Path | None = None) -> Entry | None:
        """Move it to another place, under its name or the next free one; None when it has gone."""
        with disk_errors(self._disk, entry.directory):
            self._layout.make(self._disk)
            target = target or free_path(place, entry.key)
            try:
                self._disk.move(entry.directory, target)
            except FileNotFoundError:
                return None
            self._disk.sync_directory(place)
            self._disk.sync_directory(entry.directory.parent)
        return Entry(target, entry.manifest)

    def remove(self, entry: Entry) -> None:
        """Remove it for good."""
        # The manifest first: what is left when this is cut short is an unfinished draft.
        self._disk.remove_file(entry.directory / MANIFEST_NAME)
        with contextlib.suppress(FileNotFoundError):
            # A worker beside us may set aside what is left without its manifest.
            self._disk.remove_file(entry.path)
            remove_ours(self._disk, entry.directory)

    def refuse(self, entry: Entry, reason: str, status: int | None = None) -> Entry | None:
        """See :meth:`.Outbox.refuse`."""
        refusal = Refusal(reason=reason, at=self._now(), status=status)
        told = Entry(entry.directory, replace(entry.manifest, refused=refusal))
        if not is_current(entry):
            return None
        try:
            self.write_manifest(told)
        except OutboxError as error:
            _log.warning("the reason (%s) could not be kept with it: %s", reason, error)
            told = entry
        return self.move(told, self._layout.refused)

    def make_way(self, directory: Path, worker_id: str) -> None:
        """Make way for a new draft of that worker; what is finished there, or unreadable, is
        kept apart."""
        try:
            old = Entry(directory, read_manifest(directory))
        except FileNotFoundError:
            if not directory.is_dir() or directory.is_symlink() or not is_ours(directory):
                self._set_foreign_aside(directory)
            else:
                remove_ours(self._disk, directory)
        except OutboxError as error:
            target = self._layout.set_aside(self._disk, directory, self._now())
            _log.error("set %s aside as %s: %s", shown(directory), shown(target), shown(error))
        else:
            if old.manifest.refused is not None:
                self.move(old, self._layout.refused)
            elif old.manifest.worker != worker_id:
                self.move(old, self._layout.jobs)  # it waits for its own identity
            else:
                self.refuse(old, "the studio offered the job again as another task")

    def _set_foreign_aside(self, directory: Path) -> None:
        if os.path.lexists(directory):
            target = self._layout.set_aside(self._disk, directory, self._now())
            _log.warning(
                "set %s aside as %s: not made by this worker", shown(directory), shown(target)
            )
