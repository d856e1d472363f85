"""Requests and answers of the operator API (protocol §6). Times are RFC 3339 UTC."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from studio_worker_core.wire.bounds import Gigabytes, Identifier, Line, Name
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, TaskKind, unknown_word
from studio_worker_core.wire.timestamps import timestamp
from studio_worker_studio.sessions import JobProgress
from studio_worker_studio.store.records import JobRecord, JobState, ModelRecord

T = TypeVar("T")


class _Message(Struct, frozen=True, rename="camel", omit_defaults=True):
    pass


class ErrorBody(_Message, frozen=True):
    """Every answer that is no success."""

    error: str
    message: str


class Page(_Message, Generic[T], frozen=True):
    """Part of a list. ``next`` is the ``after`` of the part that follows, when there is one."""

    items: list[T]
    next: str | None = None


class Health(_Message, frozen=True):
    """``GET /healthz``."""

    status: Literal["ok"]
    version: str


class Readiness(_Message, frozen=True):
    """``GET /readyz``: whether this studio can do its work now, and what fails if not."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Literal["ok", "failed"]]


class PendingView(_Message, frozen=True):
    """A registration request that waits for a decision."""

    request_id: str
    install_id: str
    capabilities: Capabilities
    user_agent: str
    source_address: str
    created_at: str


class RejectBody(_Message, frozen=True):
    """Why a worker is turned down; it is told."""

    reason: Line | None = None


class WorkerView(_Message, frozen=True):
    """One worker of the roster."""

    worker_id: str
    install_id: str
    state: Literal["offline", "idle", "busy", "paused"]
    capabilities: Capabilities
    user_agent: str
    created_at: str
    last_heartbeat: str | None = None
    current_job_id: str | None = None


class Submission(_Message, frozen=True):
    """A job to queue. Higher ``priority`` goes first; without ``model_source`` the model
    registry says where the model comes from."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    task: Task
    model_source: ModelSource | None = None
    game_id: Name | None = None
    asset_name: Name | None = None
    vram_gb_estimate: Gigabytes | None = None
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3

    def __post_init__(self) -> None:
        if (unknown := unknown_word(self.task)) is not None:
            raise ValueError(f"task.{unknown[0]}: {unknown[1]}")


class Submitted(_Message, frozen=True):
    """The job that was queued."""

    job_id: Identifier


class ResultView(_Message, frozen=True):
    """A finished job's result: a file, or JSON. ``bytes`` is its size."""

    bytes: int
    sha256: str
    mime: str
    ext: str | None = None
    json: msgspec.Raw | None = None


class JobView(_Message, frozen=True):
    """One job. What has no value yet is left out."""

    job_id: str
    state: JobState
    kind: TaskKind
    model: str
    engine: str
    priority: int
    attempts: int
    max_attempts: int
    vram_gb_estimate: float
    created_at: str
    cancel_requested: bool
    worker_id: str | None = None
    error: str | None = None
    claimed_at: str | None = None
    finished_at: str | None = None
    game_id: str | None = None
    asset_name: str | None = None
    prompt: str | None = None
    progress: JobProgress | None = None
    result: ResultView | None = None
    result_removed_at: str | None = None
    meta: GenerationMeta | None = None
    task: msgspec.Raw | None = None
    model_source: msgspec.Raw | None = None


class ModelBody(_Message, frozen=True):
    """What a model of the registry is. Without ``kind`` it serves several."""

    source: ModelSource
    display_name: Name = ""
    kind: TaskKind | None = None
    vram_gb_estimate: Gigabytes = 0.0
    enabled: bool = True


class ModelView(_Message, frozen=True):
    """One model of the registry."""

    id: str
    display_name: str
    vram_gb_estimate: float
    source: ModelSource
    enabled: bool
    kind: TaskKind | None = None


class LogView(_Message, frozen=True):
    """One log entry as a worker shipped it; ``id`` goes up."""

    id: int
    worker_id: str
    ts: str
    level: str
    category: str
    message: str
    job_id: str | None = None


def _maybe(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)


def job_view(job: JobRecord, progress: JobProgress | None, *, whole: bool) -> JobView:
    """A job for the operator; ``whole`` adds its task, source, JSON answer and meta."""
    result = None
    if job.state is JobState.DONE and job.file is not None:
        result = ResultView(
            bytes=job.file.bytes, sha256=job.file.sha256, ext=job.file.ext, mime=job.file.mime
        )
    elif job.state is JobState.DONE and job.json_bytes is not None:
        result = ResultView(
            bytes=job.json_bytes,
            sha256=job.json_sha256 or "",
            mime="application/json",
            json=msgspec.Raw(job.json) if whole and job.json is not None else None,
        )
    return JobView(
        job_id=job.job_id,
        state=job.state,
        kind=job.kind,
        model=job.model,
        engine=job.engine,
        priority=job.priority,
        attempts=job.attempts,
        max_attempts=job.max_attempts,
        vram_gb_estimate=job.vram_gb,
        created_at=timestamp(job.created_at),
        # Of a waiting job it is only whom to give it back to.
        worker_id=None if job.state is JobState.QUEUED else job.worker_id,
        error=job.error,
        claimed_at=_maybe(job.claimed_at),
        finished_at=_maybe(job.finished_at),
        game_id=job.game_id,
        asset_name=job.asset_name,
        prompt=job.prompt if whole else None,
        cancel_requested=job.cancel_requested,
        # What was said last is forgotten a moment after the job has ended.
        progress=progress if job.state is JobState.CLAIMED else None,
        result=result,
        result_removed_at=_maybe(job.result_removed_at),
        meta=job.meta if whole else None,
        task=msgspec.Raw(job.task) if whole else None,
        model_source=msgspec.Raw(job.source) if whole else None,
    )


def model_view(model: ModelRecord) -> ModelView:
    """A model for the operator."""
    return ModelView(
        id=model.model_id,
        display_name=model.display_name,
        kind=model.kind,
        vram_gb_estimate=model.vram_gb,
        source=model.source,
        enabled=model.enabled,
    )
