"""Which worker gets which job (protocol §5). Nothing here touches a socket or a database."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.shapes import Shape, shapes_read_by

_EXISTING_ENGINES = ("sd-cpp", "llama-cpp", "onnx", "parakeet", "synthetic")
"""What a worker may be offered that does not name its engines (protocol §3.1)."""

_MAX_ENGINES = 256
"""Engines of one worker that are considered; a lane is looked up for each."""


class Lane(Struct, frozen=True):
    """What jobs have in common that the same workers can do: the queue is searched by it."""

    kind: TaskKind
    engine: str
    shape: Shape


class Abilities(Struct, frozen=True):
    """What a worker says it can do, in the form the dispatch compares."""

    lanes: frozenset[Lane]
    vram_gb: float
    models: Mapping[TaskKind, frozenset[str]]

    def names(self, kind: TaskKind, model: str, engine: str) -> bool:
        """Whether it lists the model, or says that its engine serves any."""
        known = self.models.get(kind, frozenset())
        return model in known or f"{engine}:*" in known

    def can(self, lane: Lane, vram_gb: float) -> bool:
        """Whether it may be offered a job of that lane and need."""
        return lane in self.lanes and vram_gb <= self.vram_gb


class WorkerView(Struct, frozen=True):
    """One connected worker as the dispatch sees it."""

    order: int
    """Number of its connection: the earliest connected wins."""
    capabilities: Capabilities
    abilities: Abilities
    free: bool
    """Holds no job, is not in the middle of getting one, and does not rest after a reject."""
    current_job_id: str | None = None
    """A job it works on that is not ours: a local one, or one it has yet to stop."""
    refused: frozenset[str] = frozenset()
    """Jobs it rejected for a reason of its own."""


class Wanted(Struct, frozen=True):
    """What one worker may get now: the conditions of a claim."""

    lanes: frozenset[Lane]
    vram_gb: float
    refused: frozenset[str] = frozenset()


def abilities_of(capabilities: Capabilities) -> Abilities:
    """The lanes a worker may be offered jobs of (protocol §5, candidates)."""
    shapes = shapes_read_by(capabilities)
    return Abilities(
        lanes=frozenset(
            Lane(kind, engine, shape)
            for kind in dict.fromkeys(capabilities.task_kinds)
            for engine in _engines_for(capabilities, kind)
            for shape in shapes
        ),
        vram_gb=capabilities.vram_threshold_gb,
        models={
            kind: frozenset(models)
            for kind, models in capabilities.supported_models_per_kind.items()
        },
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


def wanted_by(worker: WorkerView) -> Wanted | None:
    """What ``worker`` may get, or None when it is no candidate."""
    if not is_candidate(worker) or not worker.abilities.lanes:
        return None
    return Wanted(worker.abilities.lanes, worker.abilities.vram_gb, worker.refused)


def _engines_for(capabilities: Capabilities, kind: TaskKind) -> list[str]:
    """The engines an offer of that kind may name. What the roster tells about an engine's
    kinds is believed; ``modelEngines`` names engines alone."""
    roster = capabilities.engines
    named = capabilities.model_engines
    if roster is None and named is None:
        return list(_EXISTING_ENGINES)
    told = {info.name for info in roster or ()}
    found = dict.fromkeys(info.name for info in roster or () if kind in info.kinds)
    found.update(dict.fromkeys(engine for engine in named or () if engine not in told))
    return list(found)[:_MAX_ENGINES]
