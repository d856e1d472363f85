"""Limits of a job, and cancelling it, with real engine processes."""

from __future__ import annotations

import threading

import psutil
import pytest

from studio_worker_core.config import Limits
from studio_worker_core.errors import (
    EngineFailed,
    JobCancelled,
    JobTimedOut,
)
from studio_worker_core.lanes.results import Result
from tests.support.lane_bench import LaneBench


def test_no_sign_of_life_ends_in_a_time_out(bench: LaneBench) -> None:
    bench.run("ok")
    bench.limits = Limits(idle_seconds=0.3)
    with pytest.raises(JobTimedOut, match=r"no progress for 0\.3 s \(limits\.idle_seconds\)"):
        bench.run("hang")
    bench.limits = Limits()
    assert isinstance(bench.run("ok"), Result)


def test_progress_keeps_a_long_job_alive(bench: LaneBench) -> None:
    bench.run("ok")
    bench.limits = Limits(idle_seconds=3)
    assert isinstance(bench.run("slow:4"), Result)


def test_a_job_that_goes_on_and_on_ends_in_a_time_out(bench: LaneBench) -> None:
    bench.run("ok")
    before = bench.pid()
    bench.limits = Limits(total_seconds=0.3)
    with pytest.raises(JobTimedOut, match=r"longer than 0\.3 s \(limits\.total_seconds\)"):
        bench.run("slow:600")
    assert bench.pid() == before, "it stopped when asked, so the lane stays"


def test_loading_has_a_limit_of_its_own(bench: LaneBench) -> None:
    bench.limits = Limits(load_seconds=1.5)
    with pytest.raises(JobTimedOut, match=r"loading .* 1\.5 s \(limits\.load_seconds\)"):
        bench.run("ok", model="fault-load-hang")


def test_too_much_memory_ends_the_process(bench: LaneBench) -> None:
    bench.run("ok")
    bench.limits = Limits(memory_gb=0.25)
    with pytest.raises(EngineFailed, match=r"more than the 0\.25 GB allowed"):
        bench.run("memory:600")


def test_a_file_that_grows_too_large_ends_the_process(bench: LaneBench) -> None:
    bench.run("ok")
    bench.limits = Limits(output_mb=5)
    with pytest.raises(EngineFailed, match=r"more than the 5 MB allowed \(limits\.output_mb\)"):
        bench.run("big:40")


# cancel


@pytest.mark.parametrize("fault", ["slow:600", "deaf:600", "ignoreterm"])
def test_cancel_ends_a_job_whatever_its_engine_does(bench: LaneBench, fault: str) -> None:
    bench.on_progress = bench.cancel.set
    with pytest.raises(JobCancelled) as caught:
        bench.run(fault)
    assert not caught.value.retryable
    bench.cancel = threading.Event()
    assert isinstance(bench.run("ok"), Result)


def test_a_stopped_process_can_be_cancelled(bench: LaneBench) -> None:
    bench.run("ok")
    process = psutil.Process(bench.pid())

    def cancel_once_stopped() -> None:
        while process.status() != psutil.STATUS_STOPPED:
            threading.Event().wait(0.01)
        bench.cancel.set()

    watcher = threading.Thread(target=cancel_once_stopped)
    watcher.start()
    with pytest.raises(JobCancelled):
        bench.run("stop")
    watcher.join(60)
    assert not process.is_running()


def test_cancel_while_loading_ends_the_process(bench: LaneBench) -> None:
    timer = threading.Timer(0.2, bench.cancel.set)
    timer.start()
    with pytest.raises(JobCancelled):
        bench.run("ok", model="fault-load-hang")
    timer.join()
    assert bench.lanes.status() == []


def test_a_job_cancelled_before_it_starts_never_starts(bench: LaneBench) -> None:
    bench.cancel.set()
    with pytest.raises(JobCancelled):
        bench.run("ok")
    assert bench.lanes.status() == []


def test_close_cancels_the_running_job(bench: LaneBench) -> None:
    closer = threading.Thread(target=bench.lanes.close)
    bench.on_progress = lambda: None if closer.ident else closer.start()
    with pytest.raises(JobCancelled):
        bench.run("slow:600")
    closer.join(60)
    assert not closer.is_alive()
    with pytest.raises(JobCancelled):
        bench.run("ok")
