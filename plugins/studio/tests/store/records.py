"""What the contract suite puts into a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.registration import RegisterRequest
from studio_worker_core.wire.tasks import ChatMessage, ImageTask, LlmTask, Task, TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.shapes import Shape
from studio_worker_studio.store.interface import Store
from studio_worker_studio.store.jobs import JobStore
from studio_worker_studio.store.records import JobRecord, NewJob, PendingLimits, StoredFile

Run = Callable[[Any], Any]


SOURCE = ModelSource(engine="synthetic")


PICTURE = ImageTask(prompt="a boat")


CHAT = LlmTask(messages=[ChatMessage("user", "hello")])


LIMITS = PendingLimits(per_address=3, all=5, keep_seconds=100.0)


FILE = StoredFile("png", "image/png", 4, "ab" * 32)


def capabilities() -> Capabilities:
    found = {"machineName": "box", "username": "ada", "agentVersion": "1", "engine": "multi"}
    numbers = {"vramTotalGb": 0.0, "vramThresholdGb": 8.0}
    lists: dict[str, Any] = {"supportedModels": [], "taskKinds": [], "supportedModelsPerKind": {}}
    return msgspec.convert(
        {**found, **numbers, **lists, "autoEnabled": True, "autoStart": False}, Capabilities
    )


def request(install: str = "i-1", secret: str = "aa", **more: Any) -> RegisterRequest:
    return RegisterRequest(install, secret * 32, capabilities(), "test/0", **more)


def wanted(kind: TaskKind = TaskKind.IMAGE, vram_gb: float = 8.0, **more: Any) -> Wanted:
    return Wanted(frozenset({Lane(kind, "synthetic", Shape.EXISTING)}), vram_gb, **more)


def job(job_id: str, task: Task = PICTURE, **more: Any) -> NewJob:
    return NewJob(job_id, "synthetic", task, SOURCE, **more)


def let_in(store: Store, run: Run, install: str = "i-1") -> str:
    asked = run(store.registrations.ask(request(install), "::1", 1.0, LIMITS))
    approved = run(store.registrations.approve(asked.request_id, 2.0))
    assert approved.worker_id is not None
    return str(approved.worker_id)


async def claim_next(
    jobs: JobStore, wanted: Wanted, worker_id: str, now: float
) -> JobRecord | None:
    """Claim what is first for ``wanted``, as the studio does for a worker that is free."""
    while (found := await jobs.first_for(wanted)) is not None:
        if (job := await jobs.claim(found.id, worker_id, now)) is not None:
            return job
    return None
