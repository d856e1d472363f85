"""What is weighed before an offer is accepted: the GPU's memory and the machine's own."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.lanes.pool import LaneStatus
from studio_worker_core.wire.models import CliDefaults, ModelFile, ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.gpu_budget import GpuBudget

GIB = 2**30


class FewLanes:
    """Warm lanes by engine and model, with the bytes that each uses."""

    def __init__(self, **bytes_of: int) -> None:
        self.there = {(engine, "m"): used for engine, used in bytes_of.items()}

    def warm(self) -> set[tuple[str, str]]:
        return set(self.there)

    def status(self) -> list[LaneStatus]:
        return [LaneStatus(*key, 1, "idle", 1, used) for key, used in self.there.items()]

    def unload(self, engine: str) -> None:
        del self.there[engine, "m"]


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


def test_a_job_that_leaves_less_than_a_gibibyte_free_is_not_taken() -> None:
    weighed = budget(GpuMemory(24.0, 6.0, "Card"))
    assert weighed.admission(wanted(5.0)) is None
    assert "stay free" in str(weighed.admission(wanted(5.5)))


def test_memory_that_cannot_be_measured_leaves_it_to_the_threshold_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    weighed = budget(None)
    assert weighed.admission(wanted(7.9)) is None
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "cannot be measured" in warning.getMessage()
    assert warning.__dict__["job_id"] == "job-1"
    assert "vram_threshold_gb" in str(weighed.admission(wanted(9.0)))


def test_a_model_that_main_memory_cannot_hold_is_not_taken() -> None:
    weighed = budget(GpuMemory(24.0, 24.0, "Card"), main=lambda: 16 * GIB)
    assert "main memory" in str(weighed.admission(wanted(4.0, offloaded(20))))
    assert weighed.admission(wanted(4.0)) is None


def test_a_model_above_the_ceiling_is_not_taken_however_much_is_free() -> None:
    weighed = budget(None, ceiling=16 * GIB)
    assert weighed.admission(wanted(0.0, offloaded(12))) is None
    assert "left of memory_max_gb" in str(weighed.admission(wanted(0.0, offloaded(13))))


def test_a_model_that_main_memory_holds_already_is_not_weighed_again() -> None:
    lanes = FewLanes()
    free = 64 * GIB
    weighed = budget(None, main=lambda: free, ceiling=32 * GIB, lanes=lanes)
    job = wanted(0.0, offloaded(20))
    weighed.make_room(job)
    lanes.there["sd-cpp", "m"], free = 20 * GIB, 8 * GIB
    assert weighed.admission(job) is None
    weighed.make_room(job)
    assert lanes.there
    assert "are free now" in str(weighed.admission(wanted(0.0, offloaded(21))))


@pytest.mark.parametrize(("needed", "stays"), [(12, True), (20, False)])
def test_warm_lanes_are_ended_for_a_model_that_the_ceiling_does_not_fit_beside_them(
    needed: int, stays: bool
) -> None:
    lanes = FewLanes(onnx=16 * GIB)
    weighed = budget(None, ceiling=32 * GIB, lanes=lanes)
    job = wanted(0.0, offloaded(needed))
    assert weighed.admission(job) is None
    weighed.make_room(job)
    assert bool(lanes.there) == stays


def test_where_gpu_memory_cannot_be_measured_an_engine_has_one_model_on_it() -> None:
    lanes = FewLanes()
    weighed = budget(None, lanes=lanes)
    first = wanted(4.0)
    weighed.make_room(first)
    lanes.there["sd-cpp", "m"] = GIB
    weighed.make_room(first)
    assert lanes.there, "the same model stays"
    small = wanted(0.0)
    small.model = "other"
    weighed.make_room(small)
    assert lanes.there, "one that needs no GPU takes no room there"
    large = wanted(4.0)
    large.model = "another"
    weighed.make_room(large)
    assert not lanes.there
