"""Which worker gets which job (protocol §5). Nothing here touches a socket or a database."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.tasks import TaskKind

__all__ = ["Wanted", "WorkerView", "is_candidate", "serves", "wanted_by"]


class WorkerView(Struct, frozen=True):
    """One connected worker as the dispatch sees it."""

    order: int
    """Number of its connection: the earliest connected wins."""
    capabilities: Capabilities
    free: bool
    """Holds no job, is not in the middle of getting one, and does not rest after a reject."""
    current_job_id: str | None = None
    """A job it works on that is not ours: a local one, or one it has yet to stop."""
    refused: frozenset[str] = frozenset()
    """Jobs it rejected for a reason of its own."""


class Wanted(Struct, frozen=True):
    """What one worker may get now: the conditions of a claim."""

    kinds: tuple[TaskKind, ...]
    vram_gb: float
    refused: frozenset[str] = frozenset()
    others: tuple[Capabilities, ...] = ()
    """Capabilities of the other connected workers."""
    own: Capabilities | None = None

    def takes_model(self, kind: TaskKind, model: str, engine: str, vram_gb: float) -> bool:
        """Whether this worker may get a job of that model.

        A worker that does not serve the model would fail the job for good, so it gets it only
        when no connected worker that could ever take the job serves it either.
        """
        if self.own is None or serves(self.own, kind, model, engine):
            return True
        return not any(
            serves(other, kind, model, engine) and other.vram_threshold_gb >= vram_gb
            for other in self.others
        )


def is_candidate(worker: WorkerView) -> bool:
    """Whether a worker may get any job now: enabled, idle, and nobody is disturbed."""
    capabilities = worker.capabilities
    return (
        worker.free
        and worker.current_job_id is None
        and capabilities.auto_enabled
        and not (capabilities.only_when_idle and capabilities.user_presence != "idle")
    )


def wanted_by(worker: WorkerView, fleet: Iterable[WorkerView]) -> Wanted | None:
    """What ``worker`` may get, or None when it is no candidate."""
    if not is_candidate(worker):
        return None
    return Wanted(
        kinds=tuple(dict.fromkeys(worker.capabilities.task_kinds)),
        vram_gb=worker.capabilities.vram_threshold_gb,
        refused=worker.refused,
        others=tuple(w.capabilities for w in fleet if w.order != worker.order),
        own=worker.capabilities,
    )


def serves(capabilities: Capabilities, kind: TaskKind, model: str, engine: str) -> bool:
    """Whether a worker says that it serves a model, by name or through its engine."""
    if kind not in capabilities.task_kinds:
        return False
    models = capabilities.supported_models_per_kind.get(kind, [])
    if model in models or f"{engine}:*" in models:
        return True
    return any(info.name == engine and kind in info.kinds for info in capabilities.engines or ())
