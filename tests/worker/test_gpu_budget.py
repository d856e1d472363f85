"""What is weighed before an offer is accepted: the GPU's memory and the machine's own."""

from __future__ import annotations

import logging

import pytest

from studio_worker_core.errors import InsufficientMemory
from studio_worker_core.host.gpu import GpuMemory
from studio_worker_core.jobs.job import Job
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.worker.gpu_budget import GpuBudget
from studio_worker_core.worker.lane_estimates import LaneEstimates
from tests.worker.few_lanes import GIB, FewLanes, budget, offloaded, wanted


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


def named(model: str, vram: float, engine: str = "sd-cpp") -> Job:
    job = wanted(vram, ModelSource(engine))
    job.model = model
    return job


def loaded(weighed: GpuBudget, lanes: FewLanes, job: Job, *, pinned: bool = False) -> None:
    """``job``'s model is in a lane now."""
    if pinned:
        lanes.kept.add((job.engine, job.model))
    weighed.make_room(job)
    lanes.there[job.engine, job.model] = GIB


def test_the_memory_of_a_model_that_is_kept_loaded_is_not_free_for_a_job() -> None:
    card = GpuMemory(24.0, 23.0, "Card")
    lanes = FewLanes()
    weighed = GpuBudget(lanes, lambda: 24.0, lambda: card)  # type: ignore[arg-type]
    loaded(weighed, lanes, named("resident", 12.0), pinned=True)
    card = GpuMemory(24.0, 11.0, "Card")
    assert weighed.admission(named("other", 10.0)) is None
    assert "11.0 GB of the 24.0 GB" in str(weighed.admission(named("other", 10.5)))
    assert weighed.admission(named("resident", 12.0)) is None, "its own memory is there"
    with pytest.raises(InsufficientMemory) as short:
        weighed.make_room(named("other", 10.5))
    error = short.value
    assert (error.needed_gib, error.free_gib, error.margin_gib) == (10.5, 11.0, 1.0)
    assert ("sd-cpp", "resident") in lanes.there


def test_what_is_kept_loaded_counts_where_memory_cannot_be_measured() -> None:
    lanes = FewLanes()
    weighed = budget(None, lanes=lanes)
    loaded(weighed, lanes, named("resident", 6.0), pinned=True)
    assert weighed.admission(named("other", 2.0)) is None
    assert "are left beside the models" in str(weighed.admission(named("other", 2.5)))


def test_only_transient_lanes_are_ended_for_a_job() -> None:
    card = GpuMemory(24.0, 23.0, "Card")
    lanes = FewLanes()

    def memory() -> GpuMemory:
        return card if ("sd-cpp", "warm") in lanes.there else GpuMemory(24.0, 13.0, "Card")

    weighed = GpuBudget(lanes, lambda: 24.0, memory)  # type: ignore[arg-type]
    loaded(weighed, lanes, named("resident", 10.0), pinned=True)
    loaded(weighed, lanes, named("warm", 10.0))
    card = GpuMemory(24.0, 3.0, "Card")
    weighed.make_room(named("new", 10.0))
    assert set(lanes.there) == {("sd-cpp", "resident")}


def test_the_estimate_of_a_job_whose_lane_is_yet_to_begin_is_kept() -> None:
    """Its files may take an hour, and offers are weighed meanwhile."""
    card = GpuMemory(24.0, 23.0, "Card")
    lanes = FewLanes()
    weighed = GpuBudget(lanes, lambda: 24.0, lambda: card)  # type: ignore[arg-type]
    weighed.make_room(named("slow", 12.0))
    assert weighed.admission(named("other", 4.0)) is None
    lanes.there["sd-cpp", "slow"] = GIB
    card = GpuMemory(24.0, 11.0, "Card")
    assert weighed.admission(named("other", 20.0)) is None, "the warm lane gives back its 12 GB"


def test_an_estimate_is_forgotten_with_its_lane() -> None:
    lanes = FewLanes()
    weighed = budget(None, lanes=lanes)
    loaded(weighed, lanes, named("resident", 6.0), pinned=True)
    assert weighed.admission(named("other", 4.0)) is not None
    lanes.there.clear()
    assert weighed.admission(named("other", 4.0)) is None
    lanes.there["sd-cpp", "resident"] = GIB
    assert weighed.admission(named("other", 4.0)) is None


def test_estimates_of_lanes_that_never_come_do_not_grow() -> None:
    estimates = LaneEstimates(set)
    for number in range(1000):
        estimates.note(("sd-cpp", str(number)), 1.0)
    assert len(estimates._coming) == 256


def test_two_loads_are_not_promised_the_same_memory() -> None:
    weighed = budget(GpuMemory(24.0, 13.0, "Card"), threshold=24.0)
    one, two = named("one", 8.0), named("two", 8.0)
    assert weighed.reserve(one) is None
    short = weighed.reserve(two)
    assert short is not None
    assert (short.needed_gib, short.free_gib, short.margin_gib) == (8.0, 5.0, 1.0)
    assert weighed.admission(named("job", 8.0)) is not None
    assert weighed.reserve(one) is None, "its own is not counted against it"
    weighed.settle(one)
    assert weighed.reserve(two) is None


def test_two_loads_are_not_promised_the_same_share_of_the_threshold() -> None:
    weighed = budget(None)
    assert weighed.reserve(named("one", 5.0)) is None
    assert weighed.reserve(named("two", 5.0)) is not None
    assert weighed.reserve(named("three", 3.0)) is None


def test_a_load_counts_on_what_it_replaces() -> None:
    lanes = FewLanes()
    weighed = budget(None, lanes=lanes)
    loaded(weighed, lanes, named("old", 6.0), pinned=True)
    assert weighed.reserve(named("new", 6.0)) is not None
    assert weighed.reserve(named("new", 6.0), [("sd-cpp", "old")]) is None


def test_a_load_leaves_a_lane_alone_that_works() -> None:
    lanes = FewLanes()
    weighed = budget(GpuMemory(24.0, 5.0, "Card"), threshold=24.0, lanes=lanes)
    lanes.there["sd-cpp", "working"] = GIB
    weighed._estimates.note(("sd-cpp", "working"), 16.0)
    lanes.working.add(("sd-cpp", "working"))
    load = named("new", 12.0)
    assert weighed.reserve(load) is not None
    with pytest.raises(InsufficientMemory):
        weighed.make_room(load, wait=False)
    assert lanes.there
    lanes.working.clear()
    assert weighed.reserve(load) is None


def test_a_card_is_asked_until_it_has_taken_back_what_was_freed() -> None:
    lanes = FewLanes()
    readings = iter([GpuMemory(24.0, 5.0, "Card")] * 4)
    waited: list[float] = []

    def memory() -> GpuMemory:
        return next(readings, GpuMemory(24.0, 21.0, "Card"))

    weighed = GpuBudget(
        lanes,  # type: ignore[arg-type]
        lambda: 24.0,
        memory,
        pause=waited.append,
    )
    lanes.there["sd-cpp", "warm"] = GIB
    weighed._estimates.note(("sd-cpp", "warm"), 16.0)
    weighed.make_room(named("new", 12.0))
    assert not lanes.there
    assert len(waited) == 3
