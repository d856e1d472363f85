"""Lanes that a test fills, and the budget over them."""

from __future__ import annotations

from collections.abc import Callable

from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.lanes.lane_status import LaneStatus
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.gpu_budget import GpuBudget

GIB = 2**30


class FewLanes:
    """Warm lanes by engine and model, with the bytes that each uses."""

    def __init__(self, **bytes_of: int) -> None:
        self.there = {(engine, "m"): used for engine, used in bytes_of.items()}
        self.kept: set[tuple[str, str]] = set()
        self.working: set[tuple[str, str]] = set()

    def warm(self) -> set[tuple[str, str]]:
        return set(self.there)

    def status(self) -> list[LaneStatus]:
        return [
            LaneStatus(*key, 1, "idle", 1, used, key in self.kept)
            for key, used in self.there.items()
        ]

    def unload(self, engine: str, model: str, *, wait: bool) -> None:
        if (engine, model) not in self.working or wait:
            self.there.pop((engine, model), None)

    def pinned(self) -> frozenset[tuple[str, str]]:
        return frozenset(self.kept)

    def busy(self) -> set[tuple[str, str]]:
        return self.working & set(self.there)


def budget(
    gpu: GpuMemory | None,
    *,
    threshold: float = 8.0,
    main: Callable[[], int] = lambda: 64 * GIB,
    ceiling: int | None = None,
    lanes: FewLanes | None = None,
) -> GpuBudget:
    return GpuBudget(
        lanes or FewLanes(),  # type: ignore[arg-type]
        lambda: threshold,
        lambda: gpu,
        main,
        ceiling=lambda: ceiling,
    )


def offloaded(gib: int) -> ModelSource:
    file = ModelFile("diffusion-model", "https://h/m", "m", approx_bytes=gib * GIB)
    return ModelSource("sd-cpp", [file], CliDefaults(offload_to_cpu=True))


def wanted(vram: float, source: ModelSource | None = None) -> Job:
    source = source or ModelSource("sd-cpp")
    task = ImageTask("p")
    return Job(
        "job-1",
        Source.STUDIO,
        model="m",
        task=task,
        model_source=source,
        vram_gb_estimate=vram,
    )
