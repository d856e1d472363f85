"""What the worker is doing right now, for whoever shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Struct

__all__ = ["JobStatus", "StatusBoard", "WorkerState", "WorkerStatus"]

WorkerState = Literal[
    "starting", "registering", "pending", "connecting", "connected", "waiting", "stopping"
]


class JobStatus(Struct, frozen=True):
    """The job that runs now. ``started`` is on the monotonic clock, in seconds."""

    job_id: str
    kind: str
    engine: str
    model: str
    started: float
    fraction: float = 0.0
    message: str | None = None


class WorkerStatus(Struct, frozen=True):
    """One snapshot of the whole worker."""

    state: WorkerState = "starting"
    detail: str = ""
    """A few words beside the state: the request id while pending, the reason while waiting."""
    studio_url: str = ""
    worker_id: str | None = None
    job: JobStatus | None = None
    done: int = 0
    """Results delivered since the start."""
    failed: int = 0
    """Jobs failed since the start."""
    undelivered: int = 0
    """Results in the outbox that the studio has not acknowledged."""
    not_taking: str | None = None
    """Why no offers are taken (paused, outbox full), if so."""


class StatusBoard:
    """Holds the current :class:`WorkerStatus`; any thread may post, listeners are told.

    Listeners run on the posting thread and must return at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current = WorkerStatus()
        self._listeners: list[Callable[[WorkerStatus], None]] = []

    @property
    def current(self) -> WorkerStatus:
        """The latest snapshot."""
        return self._current

    def subscribe(self, listener: Callable[[WorkerStatus], None]) -> None:
        """Call ``listener`` with every new snapshot."""
        with self._lock:
            self._listeners.append(listener)

    def post(self, **changes: Any) -> None:
        """Change some fields of the snapshot."""
        self._apply(lambda status: msgspec.structs.replace(status, **changes))

    def count(self, field: Literal["done", "failed"]) -> None:
        """Add one to a counter."""
        self._apply(
            lambda status: msgspec.structs.replace(status, **{field: getattr(status, field) + 1})
        )

    def job_progress(self, fraction: float, message: str | None) -> None:
        """Move the running job's progress; ignored when no job runs."""

        def move(status: WorkerStatus) -> WorkerStatus:
            if status.job is None:
                return status
            job = msgspec.structs.replace(status.job, fraction=fraction, message=message)
            return msgspec.structs.replace(status, job=job)

        self._apply(move)

    def _apply(self, change: Callable[[WorkerStatus], WorkerStatus]) -> None:
        with self._lock:
            self._current = current = change(self._current)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(current)
