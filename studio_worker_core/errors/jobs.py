"""Why a job failed."""

from __future__ import annotations

from studio_worker_core.errors.root import StudioWorkerError


class JobError(StudioWorkerError):
    """A job failed. Becomes exactly one ``fail`` frame carrying ``retryable``."""

    retryable: bool = True

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable


class InvalidTask(JobError):
    """The task's parameters cannot be served by this engine; no retry will change that."""

    retryable = False


class ParameterRefused(InvalidTask):
    """One parameter makes no task: ``key`` is what it was given under, None when it was not;
    ``missing`` is then the name of the one that has to be."""

    def __init__(self, message: str, *, key: str | None = None, missing: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.missing = missing


class EngineMissing(JobError):
    """No healthy engine of that name is installed (protocol §3: no fallback)."""

    retryable = False


class EngineFailed(JobError):
    """The engine raised, or its process died, while working on the job."""


class InsufficientMemory(JobError):
    """The model does not fit beside what is loaded; all sizes are GiB.

    ``margin_gib`` is what stays free of ``free_gib``.
    """

    def __init__(
        self, message: str, *, needed_gib: float, free_gib: float, margin_gib: float
    ) -> None:
        super().__init__(message)
        self.needed_gib = needed_gib
        self.free_gib = free_gib
        self.margin_gib = margin_gib


class JobTimedOut(JobError):
    """A stage of the job outlasted its limit."""


class JobCancelled(JobError):
    """The job was asked to stop and did."""

    retryable = False
