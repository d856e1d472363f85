"""The frames of the WebSocket session, both directions (protocol §3)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from studio_worker_core.wire.bounds import (
    Fraction,
    Gigabytes,
    Identifier,
    Line,
    Name,
    Note,
    Prompt,
)
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task

SUBPROTOCOL = "studio-worker-v1"


class CloseCode:
    """WebSocket close codes of the protocol."""

    NORMAL = 1000
    AUTH_FAILED = 4001
    PROTOCOL_VIOLATION = 4002
    DUPLICATE_WORKER = 4003
    WORKER_DELETED = 4004


class _Frame(Struct, frozen=True, rename="camel", omit_defaults=True, tag_field="type"):
    pass


_JobIds = Annotated[list[Identifier], Meta(max_length=10_000)]


class Claim(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One job as offered. ``vram_gb_estimate`` is in gigabytes."""

    job_id: Identifier
    model: Name
    task: Task
    model_source: ModelSource
    game_id: Name | None = None
    asset_name: Name | None = None
    vram_gb_estimate: Gigabytes = 0.0


class LogEntry(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One shipped log line. ``ts`` is RFC 3339 UTC."""

    ts: Name
    level: Name
    category: Name
    message: Note
    job_id: Identifier | None = None


# worker → studio


class Hello(_Frame, frozen=True, tag="hello"):
    """The first frame. ``auth_token`` is a secret; ``unfinished_jobs`` is always sent."""

    auth_token: Line
    capabilities: Capabilities
    unfinished_jobs: _JobIds | None = None

    def __repr__(self) -> str:
        return f"Hello(auth_token=***, capabilities={self.capabilities!r})"


class Heartbeat(_Frame, frozen=True, tag="heartbeat"):
    capabilities: Capabilities
    current_job_id: Identifier | None = None
    current_job_ids: _JobIds | None = None
    """All jobs it is on, where it takes several at once (protocol §3.1, ``slots``)."""


class Accept(_Frame, frozen=True, tag="accept"):
    job_id: Identifier


class Reject(_Frame, frozen=True, tag="reject"):
    job_id: Identifier
    reason: Line
    code: Name | None = None
    """``busy``, ``paused`` or ``insufficient_memory``; absent for any other reason."""


class CompleteJson(_Frame, frozen=True, tag="completeJson"):
    job_id: Identifier
    result: Any
    prompt: Prompt | None = None
    meta: Any = None
    """A :class:`.GenerationMeta` (protocol §3.1, ``meta``), read with :func:`.meta_from`: one
    that is broken does not cost the result."""


class Fail(_Frame, frozen=True, tag="fail"):
    job_id: Identifier
    error: Note
    retryable: bool
    code: Name | None = None
    """Why, as a word (protocol §3.1, ``code``)."""


class LogBatch(_Frame, frozen=True, tag="logBatch"):
    entries: Annotated[list[LogEntry], Meta(max_length=10_000)]


class ReadyForMore(_Frame, frozen=True, tag="readyForMore"):
    """Exists on the wire; a worker does not send it after a job (protocol §3)."""


class Progress(_Frame, frozen=True, tag="progress"):
    job_id: Identifier
    fraction: Fraction
    message: Line | None = None


# studio → worker


class Welcome(_Frame, frozen=True, tag="welcome"):
    worker_id: Identifier
    server_time: Name
    features: Annotated[list[Name], Meta(max_length=100)] = field(default_factory=list)
    resume: _JobIds = field(default_factory=list)


class Offer(_Frame, frozen=True, tag="offer"):
    claim: Claim


class HeartbeatAck(_Frame, frozen=True, tag="heartbeatAck"):
    pass


class CompleteAck(_Frame, frozen=True, tag="completeAck"):
    job_id: Identifier


class FailAck(_Frame, frozen=True, tag="failAck"):
    job_id: Identifier


class ErrorFrame(_Frame, frozen=True, tag="error"):
    """``code`` is one of ``auth_failed``, ``protocol_violation``, ``duplicate_worker``,
    ``worker_deleted``, ``internal_error``; an unknown one is kept as it came."""

    code: Name
    message: Note = ""


class Cancel(_Frame, frozen=True, tag="cancel"):
    job_id: Identifier


WorkerFrame = (
    Hello | Heartbeat | Accept | Reject | CompleteJson | Fail | LogBatch | ReadyForMore | Progress
)
StudioFrame = Welcome | Offer | HeartbeatAck | CompleteAck | FailAck | ErrorFrame | Cancel
