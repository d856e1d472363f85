"""Which engine processes stay after their job, and which job gets one of them."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from studio_worker_core.config import Limits
from studio_worker_core.errors import JobCancelled
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.lanes.turns import KeyTurns
from studio_worker_core.plugin import ImageTask, Model
from tests.support.fault_plugin import fault_entry
from tests.support.lane_bench import LaneBench

WHO = ImageTask(prompt="pid", width=8, height=8, seed=1)


def pids(bench: LaneBench) -> list[str]:
    """What the processes that did jobs said of themselves, in order."""
    return [line for line in bench.logs if "pid" in line]


def test_two_models_of_one_engine_take_turns_without_loading_again(bench: LaneBench) -> None:
    for _ in range(3):
        bench.run("pid", model="fault")
        bench.run("pid", model="fault-other")
    said = pids(bench)
    assert len(said) == 6
    assert len(set(said)) == 2
    assert [lane.jobs_done for lane in bench.lanes.status()] == [3, 3]
    assert bench.lanes.warm() == {("fault", "fault"), ("fault", "fault-other")}


def test_unloading_an_engine_ends_all_its_lanes(bench: LaneBench) -> None:
    bench.run("ok", model="fault")
    bench.run("ok", model="fault-other")
    bench.lanes.unload("fault")
    assert bench.lanes.status() == []


def test_none_stays_warm_where_the_config_says_so(bench: LaneBench) -> None:
    bench.run("ok")
    process = psutil.Process(bench.pid())
    bench.limits = Limits(keep_warm=0)
    bench.run("ok")
    assert bench.lanes.status() == []
    assert not process.is_running()


def test_fewer_stay_as_soon_as_the_config_says_so(bench: LaneBench) -> None:
    one, two, three = (fault_entry(name) for name in ("one", "two", "three"))
    bench.limits = Limits(keep_warm=3)
    for entry in (one, two, three):
        bench.run("ok", entry=entry)
    bench.limits = Limits(keep_warm=1)
    bench.run("ok", entry=two)
    assert [lane.engine for lane in bench.lanes.status()] == ["two"]


def test_a_model_whose_files_do_not_fit_beside_another_replaces_it(
    bench: LaneBench, tmp_path: Path
) -> None:
    bench.lanes.close()
    free = 1000
    bench.lanes = Lanes(lambda: bench.limits, available=lambda: free)
    other = fault_entry("two")
    bench.run("ok", entry=other)
    bench.run("ok", model="fault-other")
    weights = tmp_path / "weights.bin"
    weights.write_bytes(bytes(1000))
    big = replace(bench.request(WHO), model=Model("fault", {"weights": [weights]}))
    bench.limits = Limits(keep_warm=3)
    bench.do(big)
    assert bench.lanes.warm() == {("two", "fault"), ("fault", "fault-other"), ("fault", "fault")}
    free = 999
    weights.write_bytes(bytes(1001))
    bench.do(big)
    assert bench.lanes.warm() == {("two", "fault"), ("fault", "fault")}


def test_each_slot_has_lanes_of_its_own_with_its_environment(bench: LaneBench) -> None:
    for slot in ("0", "1", "0", "1"):
        card = {"CUDA_VISIBLE_DEVICES": slot}
        bench.do(bench.request(WHO, slot=slot, environment=card))
    assert len(set(pids(bench))) == 2
    cards = [psutil.Process(lane.pid).environ() for lane in bench.lanes.status()]
    assert [card["CUDA_VISIBLE_DEVICES"] for card in cards] == ["0", "1"]


def test_memory_that_an_engine_frees_stays_for_its_next_work_unless_the_operator_says_else(
    bench: LaneBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    bench.do(bench.request(WHO))
    (lane,) = bench.lanes.status()
    found = psutil.Process(lane.pid).environ()
    assert found["MALLOC_MMAP_THRESHOLD_"] == str(32 << 20)
    assert found["MALLOC_TRIM_THRESHOLD_"] == "1000"


def test_two_models_of_one_engine_work_at_the_same_time(bench: LaneBench) -> None:
    """In two slots: neither waits for the other's lane."""
    slow = bench.request(replace(WHO, prompt="slow:60"), slot="1")
    working = threading.Event()
    bench.on_progress = working.set

    def work() -> None:
        with contextlib.suppress(JobCancelled):
            bench.do(slow)

    job = threading.Thread(target=work)
    job.start()
    assert working.wait(30)
    bench.do(bench.request(WHO, model="fault-other"))
    states = {lane.model: lane.state for lane in bench.lanes.status()}
    assert states == {"fault": "running", "fault-other": "idle"}
    bench.cancel.set()
    job.join()


def test_a_turn_has_one_holder_and_leaves_nothing_behind() -> None:
    turns = KeyTurns()
    with turns.taken("a") as mine, turns.taken("a", wait=False) as again:
        assert (mine, again) == (True, False)
        with turns.taken("b", wait=False) as other:
            assert other
    with turns.taken("a", wait=False) as free:
        assert free
    assert turns._turns == {}
