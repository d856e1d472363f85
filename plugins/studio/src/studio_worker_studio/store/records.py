"""Rows as frozen structs. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from enum import Enum, StrEnum

import msgspec
from msgspec import Struct

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.frames import Claim, LogEntry
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import Task, TaskKind
from studio_worker_studio.dispatch import Lane


class JobState(StrEnum):
    """Where a job stands (protocol §6). The last three are final until it is retried."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NewJob(Struct, frozen=True):
    """A job as it enters the queue."""

    job_id: str
    model: str
    task: Task
    source: ModelSource
    vram_gb: float = 0.0
    priority: int = 0
    max_attempts: int = 3
    game_id: str | None = None
    asset_name: str | None = None


class StoredFile(Struct, frozen=True):
    """A binary result: its true extension, MIME type, size and SHA-256 in hex."""

    ext: str
    mime: str
    bytes: int
    sha256: str


class JobRecord(Struct, frozen=True):
    """One job. ``claims`` counts its claims and tells an old claim from the current one;
    ``worker_id`` is the one that holds it or held it last.

    In a list ``source``, ``prompt`` and ``json`` are left out, and ``task`` and ``meta`` where
    they have more than 16 KiB: each may have megabytes.
    """

    id: int
    job_id: str
    state: JobState
    kind: TaskKind
    priority: int
    model: str
    engine: str
    vram_gb: float
    task: bytes
    source: bytes
    attempts: int
    max_attempts: int
    claims: int
    created_at: float
    cancel_requested: bool = False
    game_id: str | None = None
    asset_name: str | None = None
    worker_id: str | None = None
    error: str | None = None
    claimed_at: float | None = None
    finished_at: float | None = None
    prompt: str | None = None
    file: StoredFile | None = None
    json: bytes | None = None
    json_sha256: str | None = None
    json_bytes: int | None = None
    """Size of the JSON answer."""
    result_removed_at: float | None = None
    meta: GenerationMeta | None = None

    def claim(self) -> Claim:
        """The job as it is offered (protocol §3, claim). Older workers expect all its keys."""
        return Claim(
            job_id=self.job_id,
            model=self.model,
            task=msgspec.json.decode(self.task, type=Task),
            model_source=msgspec.json.decode(self.source, type=ModelSource),
            game_id=self.game_id or "local",
            asset_name=self.asset_name or f"local/{self.kind}/{self.job_id}",
            vram_gb_estimate=self.vram_gb,
        )


class WaitingJob(Struct, frozen=True):
    """A queued job as the dispatch compares it."""

    id: int
    job_id: str
    lane: Lane
    model: str
    vram_gb: float


class Receipt(Enum):
    """What became of an attempt to end a job."""

    DONE = "done"
    """Stored now."""
    REPEATED = "repeated"
    """The same worker delivered the same result before: a success again."""
    NOT_HELD = "not held"
    """The worker does not hold the job under that claim; nothing changed."""


class Expired(Struct, frozen=True):
    """A job's result that is to be removed; ``ext`` is None for an answer in JSON."""

    job_id: str
    ext: str | None


class Waiting(Struct, frozen=True):
    """The queued jobs of one kind; ``oldest`` is when the first of them was queued."""

    kind: TaskKind
    count: int
    oldest: float


class Ended(Struct, frozen=True):
    """How many jobs ended from ``since`` on, in one part of a longer time."""

    since: float
    done: int
    failed: int


class Cause(Struct, frozen=True):
    """The beginning of why jobs failed, and how many did for it."""

    text: str
    count: int
    latest: float


class Statistics(Struct, frozen=True):
    """What waits, what ended, and why jobs failed, the most frequent cause first."""

    waiting: tuple[Waiting, ...]
    ended: tuple[Ended, ...]
    causes: tuple[Cause, ...]


class WorkerRecord(Struct, frozen=True):
    """One worker that was let in."""

    worker_id: str
    install_id: str
    token_hash: str
    capabilities: Capabilities
    user_agent: str
    created_at: float
    last_heartbeat_at: float | None = None
    deleted_at: float | None = None


class RegistrationRecord(Struct, frozen=True):
    """One request to be let in; ``state`` is ``pending``, ``approved`` or ``rejected``."""

    id: int
    request_id: str
    install_id: str
    secret_hash: str
    capabilities: Capabilities
    user_agent: str
    source_address: str
    state: str
    created_at: float
    reason: str | None = None
    worker_id: str | None = None


class PendingLimits(Struct, frozen=True):
    """How many requests may wait, and for how many seconds."""

    per_address: int
    all: int
    keep_seconds: float


class Full(Enum):
    """Why a request is not taken."""

    ADDRESS = "too many registration requests from this address wait for a decision"
    STUDIO = "too many registration requests wait for a decision"


class ModelRecord(Struct, frozen=True):
    """One model of the registry; ``kind`` is None for one that serves several."""

    model_id: str
    display_name: str
    kind: TaskKind | None
    vram_gb: float
    source: ModelSource
    enabled: bool = True


class LogRecord(Struct, frozen=True):
    """One shipped log entry and who shipped it."""

    id: int
    worker_id: str
    entry: LogEntry
