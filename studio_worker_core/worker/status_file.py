"""What a running worker says of itself to the commands: a small file beside its lock.

``daemon.status.json`` is written by the worker alone and names its process, so that a file left
behind by one that was killed is known for what it is. There is nothing secret in it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from studio_worker_core.config.document import read_regular
from studio_worker_core.errors import ConfigError
from studio_worker_core.redaction import without_secrets
from studio_worker_core.storage.atomic import remove_drafts, write_whole

if TYPE_CHECKING:  # the command 'status' reads the file and needs no board
    from studio_worker_core.worker.status import JobStatus, StatusBoard, WorkerStatus

log = logging.getLogger("studio_worker.worker")

_MAX_BYTES = 262_144
_PROGRESS_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_CLOSE_SECONDS = 1.0


class JobReport(Struct, frozen=True):
    """A job that runs."""

    job_id: str
    kind: str
    engine: str
    model: str
    since: datetime
    fraction: float = 0.0


class WorkerReport(Struct, frozen=True):
    """The file's content; ``state`` and ``detail`` are those of :class:`.WorkerStatus`, in the
    words of whichever version runs."""

    pid: int
    state: str
    since: datetime
    """When it came into that state."""
    detail: str = ""
    studio_url: str = ""
    worker_id: str | None = None
    job: JobReport | None = None
    """The oldest of :attr:`jobs`."""
    jobs: tuple[JobReport, ...] = ()
    not_taking: str | None = None


_decoder = msgspec.json.Decoder(WorkerReport)


def read_report(lock_path: Path, pid: int) -> WorkerReport | None:
    """What the worker with that process id, the holder of the lock, says of itself; None when
    it does not say, or cannot."""
    try:
        report = _decoder.decode(read_regular(_path(lock_path), _MAX_BYTES))
    except (OSError, ConfigError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return report if report.pid == pid else None


class StatusFile:
    """Keeps the file true for as long as the worker runs; a context manager.

    It is written on the board's thread for it, so a disk that hangs holds up nobody else, ten
    times a second at most. Progress alone is written every two seconds at most.
    """

    def __init__(
        self,
        lock_path: Path,
        board: StatusBoard,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        write: Callable[[Path, bytes], None] | None = None,
    ) -> None:
        self._path = _path(lock_path)
        self._board = board
        self._clock = clock
        self._now = now
        # It has not to outlive a power cut, so nothing waits for the disk.
        self._write = write or partial(write_whole, sync=False)
        self._writing = threading.Lock()
        self._closed = False
        self._written: WorkerStatus | None = None
        self._written_at = 0.0
        self._told = False

    def __enter__(self) -> StatusFile:
        # An old file may name this very process id, as it does in every container.
        with contextlib.suppress(OSError):
            self._path.unlink()
        remove_drafts(self._path)
        # A job of a few milliseconds is not worth two files.
        self._board.subscribe(self._show, pause=_PAUSE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        # While a write hangs, so would the removal; what is left names a process that is gone.
        if self._writing.acquire(timeout=_CLOSE_SECONDS):
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._writing.release()

    def _show(self, status: WorkerStatus) -> None:
        if not self._is_news(status):
            return
        text = msgspec.json.encode(self._report(status)).decode()
        with self._writing:
            if self._closed:
                return
            try:
                self._write(self._path, f"{without_secrets(text)}\n".encode())
            except OSError as error:
                self._tell(error)
        self._written, self._written_at = status, self._clock()

    def _is_news(self, status: WorkerStatus) -> bool:
        before = self._written
        if before is None or self._clock() - self._written_at >= _PROGRESS_SECONDS:
            return True
        return _without_progress(before) != _without_progress(status)

    def _report(self, status: WorkerStatus) -> WorkerReport:
        jobs = tuple(map(self._job, status.jobs))
        return WorkerReport(
            pid=os.getpid(),
            state=status.state,
            since=status.since,
            detail=status.detail,
            studio_url=status.studio_url,
            worker_id=status.worker_id,
            job=next(iter(jobs), None),
            jobs=jobs,
            not_taking=status.not_taking,
        )

    def _job(self, job: JobStatus) -> JobReport:
        since = self._now() - timedelta(seconds=max(self._clock() - job.started, 0.0))
        return JobReport(job.job_id, job.kind, job.engine, job.model, since, job.fraction)

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning("'studio-worker status' cannot see what this worker does: %s", error)


def _path(lock_path: Path) -> Path:
    return lock_path.with_suffix(".status.json")


def _without_progress(status: WorkerStatus) -> WorkerStatus:
    still = tuple(replace(job, fraction=0.0, message=None) for job in status.jobs)
    return replace(status, jobs=still)
