"""What the worker is doing right now, for whoever shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.redaction import without_secrets

WorkerState = Literal[
    "starting",
    "registering",
    "pending",
    "connecting",
    "connected",
    "waiting",
    "refused",
    "serving",
    "stopping",
]


class JobStatus(Struct, frozen=True):
    """A job that runs now. ``started`` is on the monotonic clock, in seconds."""

    job_id: str
    kind: str
    engine: str
    model: str
    started: float
    fraction: float = 0.0
    message: str | None = None
    source: str = Source.STUDIO.value
    """Who asked for it; its id is its own among those of one source."""


class WorkerStatus(Struct, frozen=True):
    """One snapshot of the whole worker."""

    state: WorkerState = "starting"
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it came into that state."""
    detail: str = ""
    """A few words beside the state: the request id while pending, the reason while waiting."""
    connected: bool = False
    """Whether there is a session with the studio."""
    attempt: int = 0
    """Which attempt at one this is, or was; 0 before the first."""
    studio_url: str = ""
    worker_id: str | None = None
    jobs: tuple[JobStatus, ...] = ()
    """The jobs that run, whoever asked for them, the oldest first."""
    done: int = 0
    """Results delivered since the start."""
    failed: int = 0
    """Jobs failed since the start."""
    undelivered: int = 0
    """Results in the outbox that the studio has not acknowledged."""
    not_taking: str | None = None
    """Why no offers are taken (paused, outbox full), if so."""


class _Listener:
    """A thread that tells one listener the newest snapshot whenever it has time for it."""

    def __init__(self, tell: Callable[[WorkerStatus], None], pause: float) -> None:
        self._tell = tell
        self._pause = pause
        self._changed = threading.Condition()
        self._newest: WorkerStatus | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="status", daemon=True)
        self._thread.start()

    def put(self, status: WorkerStatus) -> None:
        with self._changed:
            self._newest = status
            self._changed.notify_all()

    def close(self, seconds: float) -> None:
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self._thread.join(seconds)

    def _work(self) -> None:
        while (status := self._next()) is not None:
            self._tell(status)
            if self._pause:
                self._closing.wait(self._pause)

    def _next(self) -> WorkerStatus | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._closing.is_set())
            status, self._newest = self._newest, None
            return status


class StatusBoard:
    """Holds the current :class:`WorkerStatus`; any thread may post, listeners are told.

    Each listener has a thread of its own, so one that hangs holds up nobody who posts; what
    came while it was busy it is told as one snapshot, the newest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current = WorkerStatus()
        self._listeners: list[_Listener] = []
        self._bells: tuple[Callable[[], None], ...] = ()

    @property
    def current(self) -> WorkerStatus:
        """The latest snapshot."""
        return self._current

    def subscribe(self, listener: Callable[[WorkerStatus], None], *, pause: float = 0.0) -> None:
        """Call ``listener`` with new snapshots until :meth:`close`, with so many seconds between
        two of them, however often something changes."""
        with self._lock:
            self._listeners.append(_Listener(listener, pause))

    def ring(self, bell: Callable[[], None]) -> None:
        """Call ``bell``, which returns at once, after each change, on the thread that made it."""
        with self._lock:
            self._bells = (*self._bells, bell)

    def close(self, seconds: float = 1.0) -> None:
        """Tell the listeners the last snapshot, waiting at most ``seconds`` for each."""
        with self._lock:
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.close(seconds)

    def post(self, **changes: Any) -> None:
        """Change some fields of the snapshot; what they quote is without secrets."""
        clean = {
            name: without_secrets(value) if isinstance(value, str) else value
            for name, value in changes.items()
        }

        def change(status: WorkerStatus) -> WorkerStatus:
            if clean.get("state", status.state) != status.state:
                clean["since"] = datetime.now(UTC)
            return msgspec.structs.replace(status, **clean)

        self._apply(change)

    def count(self, field: Literal["done", "failed"]) -> None:
        """Add one to a counter."""
        self._apply(
            lambda status: msgspec.structs.replace(status, **{field: getattr(status, field) + 1})
        )

    def job_started(self, job: JobStatus) -> None:
        """Show one more running job."""
        self._apply(lambda status: msgspec.structs.replace(status, jobs=(*status.jobs, job)))

    def job_progress(
        self, source: Source, job_id: str, fraction: float, message: str | None
    ) -> None:
        """Move a running job's progress; that of a job that does not run is ignored."""
        clean = without_secrets(message) if message else message

        def moved(job: JobStatus) -> JobStatus:
            if (job.source, job.job_id) != (source.value, job_id):
                return job
            return msgspec.structs.replace(job, fraction=fraction, message=clean)

        self._apply(
            lambda status: msgspec.structs.replace(status, jobs=tuple(map(moved, status.jobs)))
        )

    def job_ended(self, source: Source, job_id: str, **changes: Any) -> None:
        """Show a job no more, with other changes in the same snapshot."""
        ended = (source.value, job_id)
        self._apply(
            lambda status: msgspec.structs.replace(
                status,
                jobs=tuple(job for job in status.jobs if (job.source, job.job_id) != ended),
                **changes,
            )
        )

    def _apply(self, change: Callable[[WorkerStatus], WorkerStatus]) -> None:
        with self._lock:
            self._current = current = change(self._current)
            # In here, so that no older snapshot comes after a newer one.
            for listener in self._listeners:
                listener.put(current)
        for bell in self._bells:
            bell()


class ShownOnBoard(JobListener[object]):
    """Shows on a board every job that runs.

    :param undelivered: how many results the studio has not acknowledged.
    """

    def __init__(self, board: StatusBoard, undelivered: Callable[[], int]) -> None:
        self._board = board
        self._undelivered = undelivered

    def started(self, job: Job) -> None:
        """See :class:`JobListener`."""
        self._board.job_started(
            JobStatus(
                job_id=job.job_id,
                kind=job.kind,
                engine=job.engine,
                model=job.model,
                started=job.since,
                source=job.source.value,
            )
        )

    def progress(self, job: Job, fraction: float, message: str | None) -> None:
        """See :class:`JobListener`."""
        self._board.job_progress(job.source, job.job_id, fraction, message)

    def finished(self, job: Job, result: object) -> None:
        """See :class:`JobListener`."""
        self._ended(job)

    def failed(self, job: Job, failure: Failure) -> None:
        """See :class:`JobListener`."""
        if failure.stopped is None:
            self._board.count("failed")  # cancelled or handed back is no failure
        self._ended(job)

    def _ended(self, job: Job) -> None:
        self._board.job_ended(job.source, job.job_id, undelivered=self._undelivered())
