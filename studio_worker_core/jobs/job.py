"""One task to be done, whoever asked for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, TaskKind, task_kind


class Source(Enum):
    """Who asked for a job."""

    STUDIO = "studio"
    LOCAL = "local"
    """Somebody on this machine. No studio ever hears of it."""


class StopReason(Enum):
    """Why a running job is stopped before its end."""

    CANCELLED = "cancelled"
    """Whoever asked for it wants it no more: final."""
    SHUTDOWN = "the worker is shutting down"
    """The grace time is over: it may be done elsewhere."""
    TAKEN_BACK = "the studio gave the job to others"
    """After a reconnect the studio no longer holds it for us: nobody to answer."""


class Job:
    """What is to be done, and the way to stop it. Any thread may stop it.

    :param inputs: files of this machine, by input name (``init_image``, ``input`` …), in place of
        what the task says of these; the others are fetched.
    :param vram_gb_estimate: gigabytes of GPU memory; 0 where nobody has said.
    :param cancel: set from outside, it stops the job too.
    """

    def __init__(
        self,
        job_id: str,
        source: Source,
        *,
        model: str,
        task: Task,
        model_source: ModelSource,
        inputs: Mapping[str, Path] | None = None,
        vram_gb_estimate: float = 0.0,
        cancel: threading.Event | None = None,
    ) -> None:
        self.job_id = job_id
        self.source = source
        self.model = model
        self.task = task
        self.model_source = model_source
        self.inputs = inputs or {}
        self.vram_gb_estimate = vram_gb_estimate
        self.since = time.monotonic()
        """When it was asked for, in seconds on the monotonic clock."""
        self.cancel = cancel or threading.Event()
        """Set once it is to stop."""
        self._lock = threading.Lock()
        self._reason: StopReason | None = None

    @property
    def engine(self) -> str:
        """The engine that is to do it, by name."""
        return self.model_source.engine

    @property
    def kind(self) -> TaskKind:
        """The kind of its task."""
        return task_kind(self.task)

    @property
    def stop_reason(self) -> StopReason | None:
        """Why it was asked to stop, if it was; the first reason stands."""
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Ask the job to stop."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
        self.cancel.set()
