"""The outbox: what changes it, each change a single rename away from being true."""

from __future__ import annotations

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from studio_worker_core.config import OutboxLimits
from studio_worker_core.errors import OutboxError
from studio_worker_core.outbox import drafts, recovery
from studio_worker_core.outbox.layout import EntryReader, Layout
from studio_worker_core.outbox.manifest import (
    MANIFEST_NAME,
    AskedJob,
    Draft,
    Entry,
    directory_name,
    is_current,
    is_left_of,
    is_unreadable,
    read_manifest,
    task_digest,
)
from studio_worker_core.outbox.moves import Moves
from studio_worker_core.outbox.ownership import mark, remove_ours
from studio_worker_core.outbox.pruning import prune, reason_for_no_offers
from studio_worker_core.outbox.writing import disk_errors
from studio_worker_core.storage.disk import Disk
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import full_prompt, task_kind

_log = logging.getLogger("studio_worker.outbox")


class Outbox:
    """Finished results until the studio acknowledges or refuses them for good.

    Safe to use from any thread; the command line may look and change things from another
    process meanwhile. Every method that writes raises OutboxError when it cannot, and then
    nothing has changed. ``now`` and ``disk`` are the clock and the file operations.
    """

    def __init__(
        self,
        root: Path,
        limits: Callable[[], OutboxLimits],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        disk: Disk | None = None,
    ) -> None:
        self.root = root
        self.boot = uuid.uuid4().hex
        """This start of the worker, in the manifests of what it makes."""
        self._limits = limits
        self._now = now
        self._disk = disk or Disk()
        self._layout = Layout(root)
        self._moves = Moves(self._layout, self._disk, now)
        self._pending = EntryReader(self._layout.jobs)
        self._refused = EntryReader(self._layout.refused)
        self._lock = threading.RLock()
        self._at_work: set[str] = set()

    def recover(self) -> list[str]:
        """At the start of a worker, and only then: drop half-written drafts, set aside what
        cannot be read. Returns what was done, a line each, for the log."""
        with self._lock, disk_errors(self._disk, self.root):
            return recovery.recover(self._layout, self._disk, self._now())

    def begin(self, job: AskedJob, worker_id: str, session_number: int | None) -> Draft:
        """A directory for the result of ``job``, accepted on that session."""
        directory = self._layout.jobs / directory_name(job.job_id)
        with self._lock, disk_errors(self._disk, directory):
            self._layout.make(self._disk)
            self._moves.make_way(directory, worker_id)
            self._disk.make_directory(directory)
            mark(self._disk, directory)
            self._disk.make_directory(directory / "scratch")
            self._at_work.add(job.job_id)
        return Draft(
            job_id=job.job_id,
            worker_id=worker_id,
            session_number=session_number,
            kind=task_kind(job.task),
            model=job.model,
            engine=job.model_source.engine,
            prompt=full_prompt(job.task),
            task=task_digest(job),
            directory=directory,
            scratch=directory / "scratch",
        )

    def finish(
        self,
        draft: Draft,
        result: Path,
        *,
        mime: str | None = None,
        meta: GenerationMeta | None = None,
        synced: bool = True,
    ) -> Entry:
        """Make a finished result of a draft; it is on stable storage when this returns.

        :param result: a file directly in the draft's directory that was judged
            (:func:`studio_worker_core.lanes.results.judged`); its suffix is its type.
        :param mime: the type an engine declared for its extension; the well-known one by
            default.
        :param meta: goes with the result.
        :param synced: if not, it outlives this process when this returns, whatever ends it, and
            a power cut only after :meth:`sync`.

        Raises:
            EngineFailed: no manifest can describe it.
            OutboxError: the disk is full or cannot be written. The draft stays.
        """
        entry = drafts.completed(
            self._disk, draft, result, mime=mime, created=self._now(), boot=self.boot, meta=meta
        )
        with self._lock:
            if synced:
                self._moves.sync_result(entry)
            self._moves.write_manifest(entry, sync=synced)
            # In the same step: what is found on disk must not look as if it were worked on.
            self._at_work.discard(draft.job_id)
        return entry

    def sync(self, entry: Entry) -> None:
        """Put a finished result on stable storage; one that has gone meanwhile is left alone."""
        with contextlib.suppress(FileNotFoundError):
            self._moves.sync(entry)

    def discard(self, draft: Draft) -> None:
        """Remove a draft. What has been finished stays."""
        with self._lock, disk_errors(self._disk, draft.directory):
            self._at_work.discard(draft.job_id)
            if draft.directory.is_dir() and not (draft.directory / MANIFEST_NAME).exists():
                remove_ours(self._disk, draft.directory)

    def is_at_work(self, job_id: str) -> bool:
        """Whether a draft of that job has begun and not ended."""
        with self._lock:
            return job_id in self._at_work

    # what is waiting

    def pending(self) -> list[Entry]:
        """Every finished result that waits for the studio, oldest first."""
        with self._lock:
            return [each for each in self._pending.entries() if each.manifest.refused is None]

    def refused(self) -> list[Entry]:
        """Every result that is kept but will not be delivered, oldest first."""
        with self._lock:
            # One whose move failed (a full disk) is still among the waiting; not for delivery.
            unmoved = [e for e in self._pending.entries() if e.manifest.refused is not None]
            return sorted([*unmoved, *self._refused.entries()], key=lambda e: e.manifest.created)

    def corrupt(self) -> list[Path]:
        """What was set aside because it could not be read."""
        return sorted(self._layout.corrupt.glob("*"))

    def find(self, job_id: str) -> Entry | None:
        """The finished, undelivered result of a job, if there is one."""
        directory = self._layout.jobs / directory_name(job_id)
        try:
            entry = Entry(directory, read_manifest(directory))
        except (FileNotFoundError, OutboxError):
            return None
        return entry if entry.job_id == job_id and entry.manifest.refused is None else None

    def room(self, worker_id: str | None = None) -> str | None:
        """Why no offers should be taken, in words for the operator; None when there is room.

        With ``worker_id`` only its results count: those of another identity wait for as long
        as it takes and must not end the work of this one.
        """
        waiting = [e for e in self.pending() if worker_id is None or e.is_for(worker_id)]
        used = sum(entry.manifest.bytes for entry in waiting)
        free = self._disk.free_bytes(self.root)
        return reason_for_no_offers(self._limits(), used=used, free=free, root=self.root)

    # what becomes of it

    def acknowledge(self, entry: Entry) -> None:
        """The studio has it: remove it. One that has gone, or was replaced by a newer result
        of the same job, is left alone; one that says no more which it is, is kept apart."""
        with self._lock, disk_errors(self._disk, entry.directory):
            if is_current(entry):
                self._moves.remove(entry)
            elif is_unreadable(entry.directory):
                self._set_aside(entry, "its manifest was damaged while it was delivered")

    def refuse(self, entry: Entry, reason: str, status: int | None = None) -> Entry | None:
        """The studio will never take it: keep it under ``refused/`` with the reason.

        Returns where it is now; None when it had gone. On a full disk it is moved all the
        same, and the reason is in the log only.
        """
        with self._lock:
            return self._moves.refuse(entry, reason, status)

    def retry(self, entry: Entry) -> Entry:
        """Take a refused result back among the waiting ones; a running worker finds it there.

        Raises:
            OutboxError: the job has another result waiting or is being worked on.
        """
        fresh = replace(entry.manifest, refused=None, attempts=0, last_error=None)
        target = self._layout.jobs / directory_name(entry.job_id)
        with self._lock:
            if target.exists() and target != entry.directory:
                raise OutboxError(
                    f"job {entry.job_id} is in {target} already: it waits or is worked on",
                    path=target,
                )
            try:
                self._moves.write_manifest(Entry(entry.directory, fresh))
            except FileNotFoundError:
                raise OutboxError(
                    f"{entry.directory} has gone meanwhile", path=entry.directory
                ) from None
            if target == entry.directory:
                return Entry(target, fresh)
            moved = self._moves.move(Entry(entry.directory, fresh), self._layout.jobs, target)
            if moved is None:
                raise OutboxError(f"{entry.directory} has gone meanwhile", path=entry.directory)
            return moved

    def forget(self, entry: Entry) -> None:
        """Remove a result for good, delivered or not."""
        with self._lock, disk_errors(self._disk, entry.directory):
            self._moves.remove(entry)

    def forget_corrupt(self, path: Path) -> None:
        """Remove what was set aside (:meth:`corrupt`) for good."""
        with self._lock, disk_errors(self._disk, path):
            self._layout.forget_corrupt(self._disk, path)

    def note_failure(self, entry: Entry, error: str) -> Entry | None:
        """Count a failed attempt and remember why; None when the result has gone.

        On a full disk its manifest stays as it was.
        """
        noted = Entry(
            entry.directory,
            replace(entry.manifest, attempts=entry.manifest.attempts + 1, last_error=error[:2000]),
        )
        return self._rewrite(entry, noted)

    def adopt(self, entry: Entry, session_number: int | None) -> Entry | None:
        """The job was accepted anew on that session; None when the result has gone."""
        adopted = Entry(
            entry.directory, replace(entry.manifest, boot=self.boot, session=session_number)
        )
        return self._rewrite(entry, adopted)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """It is not what was kept: keep what is left of it under ``corrupt/``."""
        with self._lock, disk_errors(self._disk, entry.directory):
            if is_left_of(entry):
                self._set_aside(entry, reason)

    def _set_aside(self, entry: Entry, reason: str) -> None:
        if entry.job_id not in self._at_work:
            target = self._layout.set_aside(self._disk, entry.directory, self._now())
            _log.error("set %s aside as %s: %s", entry.directory, target, reason)

    def defect(self, entry: Entry) -> str | None:
        """Why the file of ``entry`` is not what its manifest says; None when it is."""
        return recovery.defect(entry)

    def holds(self, entry: Entry) -> bool:
        """Whether ``entry`` is still where it was."""
        with self._lock:
            return is_current(entry)

    def prune(self) -> list[Path]:
        """Remove refused and corrupt results beyond the configured age and size."""
        with self._lock, disk_errors(self._disk, self.root):
            return prune(self._layout, self._disk, self._limits(), self.refused(), self._now())

    def _rewrite(self, old: Entry, new: Entry) -> Entry | None:
        with self._lock:
            if not is_current(old):
                return None
            try:
                return self._moves.write_manifest(new)
            except FileNotFoundError:
                return None
            except OutboxError as error:
                _log.warning("the manifest of job %s stays as it was: %s", old.job_id, error)
                return new
