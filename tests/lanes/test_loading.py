"""Models that are loaded without a job, and those that stay whatever else is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from studio_worker_core.config import Limits
from studio_worker_core.errors import (
    EngineFailed,
    EngineMissing,
    InvalidTask,
    JobCancelled,
    JobTimedOut,
)
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.request import LoadRequest
from studio_worker_core.plugin import ImageTask, Model
from tests.support.fault_plugin import fault_entry
from tests.support.lane_bench import LaneBench
from tests.support.waiting import eventually

NEVER = threading.Event()


def request(model: str = "fault", engine: str = "fault") -> LoadRequest:
    return LoadRequest(entry=fault_entry(engine), model=Model(model))


def states(lanes: Lanes) -> dict[str, str]:
    return {lane.model: lane.state for lane in lanes.status()}


def on_a_thread(body: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Run ``body``; the thread, and what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            body()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def test_a_model_loaded_without_a_job_is_there_for_the_first_one(bench: LaneBench) -> None:
    bench.lanes.load(request(), cancel=NEVER)
    (lane,) = bench.lanes.status()
    assert (lane.state, lane.jobs_done) == ("idle", 0)
    bench.run("pid")
    assert bench.pid() == lane.pid
    assert f"pid {lane.pid}" in " ".join(bench.logs)


def test_loading_what_is_loaded_changes_nothing(bench: LaneBench) -> None:
    bench.lanes.load(request(), cancel=NEVER)
    pid = bench.pid()
    bench.lanes.load(request(), cancel=NEVER)
    assert bench.pid() == pid


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("fault-load-raise", EngineFailed, "cannot be loaded"),
        ("fault-load-segv", EngineFailed, "SIGSEGV"),
        ("fault-load-exit", EngineFailed, "sys.exit"),
        ("unheard-of", InvalidTask, "does not offer"),
    ],
)
def test_a_load_that_fails_says_why_and_leaves_no_process(
    bench: LaneBench, model: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        bench.lanes.load(request(model), cancel=NEVER)
    assert bench.lanes.status() == []


def test_an_engine_that_is_not_ready_loads_nothing(bench: LaneBench) -> None:
    broken = replace(request(), entry=replace(fault_entry(), state="broken", reason="no reason"))
    with pytest.raises(EngineMissing, match="broken"):
        bench.lanes.load(broken, cancel=NEVER)


def test_a_load_beyond_its_time_is_ended(bench: LaneBench) -> None:
    bench.limits = Limits(load_seconds=0.1)
    with pytest.raises(JobTimedOut, match="load_seconds"):
        bench.lanes.load(request("fault-load-hang"), cancel=NEVER)
    assert bench.lanes.status() == []


def test_an_engine_whose_loads_crash_is_withdrawn(bench: LaneBench) -> None:
    for _ in range(3):
        with pytest.raises(EngineFailed):
            bench.lanes.load(request("fault-load-segv"), cancel=NEVER)
    assert bench.lanes.withdrawn() == {"fault"}


def test_a_load_can_be_cancelled(bench: LaneBench) -> None:
    cancel = threading.Event()
    hanging = request("fault-load-hang")
    thread, raised = on_a_thread(lambda: bench.lanes.load(hanging, cancel=cancel))
    eventually("it loads", lambda: states(bench.lanes) == {"fault-load-hang": "loading"})
    cancel.set()
    thread.join()
    assert [type(error) for error in raised] == [JobCancelled]
    assert bench.lanes.status() == []


def test_a_job_that_waits_for_a_load_can_be_cancelled(bench: LaneBench) -> None:
    cancel = threading.Event()
    hanging = request("fault-load-hang")
    load, _ = on_a_thread(lambda: bench.lanes.load(hanging, cancel=cancel))
    eventually("it loads", lambda: states(bench.lanes) == {"fault-load-hang": "loading"})
    bench.cancel.set()
    with pytest.raises(JobCancelled):
        bench.run("ok", model="fault-load-hang")
    assert load.is_alive(), "the load goes on"
    cancel.set()
    load.join()


def test_a_load_that_waits_for_a_job_can_be_cancelled(bench: LaneBench) -> None:
    working = threading.Event()
    bench.on_progress = working.set
    job, _ = on_a_thread(lambda: bench.run("slow:3600"))
    assert working.wait(60)
    cancel = threading.Event()
    load, raised = on_a_thread(lambda: bench.lanes.load(request(), cancel=cancel))
    cancel.set()
    load.join()
    assert [type(error) for error in raised] == [JobCancelled]
    assert states(bench.lanes) == {"fault": "running"}
    bench.cancel.set()
    job.join()


def test_closing_ends_a_load(bench: LaneBench) -> None:
    hanging = request("fault-load-hang")
    thread, raised = on_a_thread(lambda: bench.lanes.load(hanging, cancel=NEVER))
    eventually("it loads", lambda: states(bench.lanes) == {"fault-load-hang": "loading"})
    bench.lanes.close()
    thread.join()
    assert [type(error) for error in raised] == [JobCancelled]


def test_a_pinned_model_stays_however_many_others_are_used(bench: LaneBench) -> None:
    bench.limits = Limits(keep_warm=1)
    bench.lanes.pin("fault", "fault")
    bench.lanes.load(request(), cancel=NEVER)
    for engine in ("one", "two", "three"):
        bench.run("ok", entry=fault_entry(engine))
    assert {(lane.engine, lane.pinned) for lane in bench.lanes.status()} == {
        ("fault", True),
        ("three", False),
    }


def test_a_pinned_model_takes_no_transient_ones_place(bench: LaneBench) -> None:
    bench.limits = Limits(keep_warm=1)
    bench.run("ok", model="fault-other")
    bench.lanes.pin("fault", "fault")
    bench.lanes.load(request(), cancel=NEVER)
    assert set(states(bench.lanes)) == {"fault", "fault-other"}


def test_an_unpinned_model_is_transient_again(bench: LaneBench) -> None:
    bench.limits = Limits(keep_warm=0)
    bench.lanes.pin("fault", "fault")
    bench.lanes.load(request(), cancel=NEVER)
    assert bench.lanes.pinned() == {("fault", "fault")}
    bench.lanes.unpin("fault", "fault")
    bench.run("ok", model="fault-other")
    assert bench.lanes.status() == []


def test_unloading_one_model_leaves_the_others_of_its_engine(bench: LaneBench) -> None:
    bench.run("ok")
    bench.run("ok", model="fault-other")
    bench.lanes.unload("fault", "fault")
    assert set(states(bench.lanes)) == {"fault-other"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_transient_lanes_without_work_are_ended_for_being_idle(bench: LaneBench) -> None:
    clock = Clock()
    bench.limits = Limits(keep_warm=8, idle_seconds=0, total_seconds=0)
    bench.lanes.close()
    bench.lanes = Lanes(lambda: bench.limits, clock=clock)
    bench.lanes.pin("pinned", "fault")
    bench.lanes.load(request(engine="pinned"), cancel=NEVER)
    bench.run("ok", entry=fault_entry("early"))
    clock.now = 50.0
    bench.run("ok", entry=fault_entry("late"))
    working = threading.Event()
    bench.on_progress = working.set
    long = bench.request(ImageTask(prompt="slow:3600"), entry=fault_entry("busy"))
    job, _ = on_a_thread(lambda: bench.do(long))
    assert working.wait(60)
    clock.now = 100.0
    assert bench.lanes.unload_idle(60.0) == [("early", "fault")]
    clock.now = 1000.0
    assert bench.lanes.unload_idle(60.0) == [("late", "fault")]
    assert {lane.engine for lane in bench.lanes.status()} == {"pinned", "busy"}
    bench.cancel.set()
    job.join()
