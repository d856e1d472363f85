"""Lanes with real engine processes."""

from __future__ import annotations

import psutil
import pytest
from msgspec.structs import replace

from studio_worker_core import __version__
from studio_worker_core.config import Limits
from studio_worker_core.errors import (
    EngineFailed,
    EngineMissing,
    InvalidTask,
)
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import (
    AudioTtsTask,
    ChatMessage,
    ImageTask,
    LlmTask,
    VideoTask,
)
from tests.support.fault_answers import said_text
from tests.support.fault_plugin import fault_entry
from tests.support.lane_bench import LaneBench, answer_of
from tests.support.waiting import eventually


def test_each_kind_of_result_comes_back(bench: LaneBench) -> None:
    picture = bench.run("ok")
    assert isinstance(picture, Result)
    assert picture.ext == "png"
    assert picture.path.read_bytes().startswith(b"\x89PNG")
    speech = bench.run(AudioTtsTask(text="ok"))
    assert isinstance(speech, Result)
    assert speech.ext == "wav"
    clip = bench.run(VideoTask(prompt="ok", width=8, height=8))
    assert isinstance(clip, Result)
    answer = bench.run(LlmTask(messages=[ChatMessage("user", "ok")]))
    assert isinstance(answer, Result)
    assert said_text(answer_of(answer)) == "ok"


def test_a_result_says_how_it_was_made_as_the_engine_reported_it(bench: LaneBench) -> None:
    meta = bench.run("report:18446744073709551615").meta
    assert (meta.engine, meta.model, meta.agent_version) == ("fault", "fault", __version__)
    assert bench.entry.spec is not None
    assert meta.engine_version == bench.entry.spec.version
    assert (meta.seed, meta.steps) == (2**64 - 1, 9)
    assert (meta.width, meta.height) == (8, 8)
    assert meta.seconds is not None
    assert meta.seconds > 0
    assert ["left out" in line for line in bench.logs] == [True]


def test_without_a_report_a_result_says_what_was_asked_for(bench: LaneBench) -> None:
    task = ImageTask("ok", width=16, height=8, steps=3, seed=2**63)
    meta = bench.run(task).meta
    assert (meta.seed, meta.steps, meta.width, meta.height) == (2**63, 3, 16, 8)
    chat = bench.run(LlmTask(messages=[ChatMessage("user", "ok")])).meta
    assert (chat.seed, chat.steps, chat.width) == (None, None, None)


@pytest.mark.parametrize("seed", [None, -1])
def test_a_task_that_leaves_its_seed_open_is_done_with_a_drawn_one_that_is_told(
    bench: LaneBench, seed: int | None
) -> None:
    drawn = bench.run(ImageTask("ok", width=8, height=8, seed=seed)).meta.seed
    assert drawn is not None
    assert 0 <= drawn < 2**64
    assert bench.logs == [f"info: seed {drawn} is drawn"]
    assert bench.run(ImageTask("ok", width=8, height=8, seed=seed)).meta.seed != drawn


def test_an_invalid_task_is_final_and_keeps_the_lane(bench: LaneBench) -> None:
    bench.run("ok")
    before = bench.pid()
    with pytest.raises(InvalidTask, match=r"^this prompt is not for me$") as caught:
        bench.run("invalid")
    assert not caught.value.retryable
    assert bench.pid() == before


def test_an_error_the_engine_raises_on_purpose_keeps_the_lane(bench: LaneBench) -> None:
    bench.run("ok")
    before = bench.pid()
    with pytest.raises(EngineFailed, match="out of luck"):
        bench.run("engine-failed")
    assert bench.pid() == before


def test_an_uncaught_exception_replaces_the_lane(bench: LaneBench) -> None:
    bench.run("ok")
    before = bench.pid()
    with pytest.raises(EngineFailed):
        bench.run("raise")
    bench.run("ok")
    assert bench.pid() != before


def test_a_warm_lane_does_not_load_again(bench: LaneBench) -> None:
    for _ in range(3):
        bench.run("pid")
    assert len(set(bench.logs)) == 1
    (lane,) = bench.lanes.status()
    assert lane.jobs_done == 3
    assert lane.state == "idle"


def test_another_model_gets_a_fresh_process_and_the_memory_comes_back(bench: LaneBench) -> None:
    bench.limits = Limits(keep_warm=1)
    bench.run("ok", model="fault-ballast")
    first = psutil.Process(bench.pid())
    assert bench.lanes.status()[0].memory_bytes > 200 * 1024**2
    bench.run("ok", model="fault-other")
    assert not first.is_running()
    assert bench.lanes.status()[0].memory_bytes < 150 * 1024**2


def test_unload_ends_the_process(bench: LaneBench) -> None:
    bench.run("ok")
    process = psutil.Process(bench.pid())
    bench.lanes.unload("fault")
    assert not process.is_running()
    assert bench.lanes.status() == []
    assert isinstance(bench.run("ok"), Result)


def test_the_least_recently_used_lane_makes_room(bench: LaneBench) -> None:
    one, two, three = (fault_entry(name) for name in ("one", "two", "three"))
    for entry in (one, two, one, three):
        bench.run("ok", entry=entry)
    assert [lane.engine for lane in bench.lanes.status()] == ["one", "three"]


def test_a_lane_that_died_while_idle_is_replaced_without_a_failed_job(bench: LaneBench) -> None:
    bench.run("ok")
    pid = bench.pid()
    psutil.Process(pid).kill()
    # Reaped: before that, a thread of it may live on and take the job.
    eventually("it is gone", lambda: not psutil.pid_exists(pid))
    assert isinstance(bench.run("ok"), Result)


def test_a_lane_that_takes_no_more_jobs_is_replaced_without_a_failed_one(bench: LaneBench) -> None:
    for _ in range(3):
        # A sound, since a picture is looked at before it is answered, which takes its time.
        assert isinstance(bench.run(AudioTtsTask("lastword")), Result)


def test_flooding_stdout_neither_blocks_nor_grows_the_worker(bench: LaneBench) -> None:
    bench.run("ok")
    before = psutil.Process().memory_info().rss
    assert isinstance(bench.run("flood"), Result)
    assert psutil.Process().memory_info().rss - before < 50 * 1024**2


def test_flooding_the_log_does_not_grow_the_worker(bench: LaneBench) -> None:
    assert isinstance(bench.run("logs"), Result)
    assert 100 < len(bench.logs) < 20_000


def test_progress_is_heard_and_never_goes_backwards(bench: LaneBench) -> None:
    bench.run("slow:0.3")
    fractions = [fraction for fraction, _ in bench.progress]
    assert len(fractions) > 2
    assert fractions == sorted(fractions)


@pytest.mark.parametrize("model", ["fault-load-raise", "fault-load-segv", "fault-load-exit"])
def test_a_model_that_cannot_be_loaded_fails_the_job(bench: LaneBench, model: str) -> None:
    with pytest.raises(EngineFailed, match=r"cannot be loaded|SIGSEGV|sys\.exit"):
        bench.run("ok", model=model)
    assert isinstance(bench.run("ok"), Result)


def test_a_factory_that_does_not_exist_fails_the_job(bench: LaneBench) -> None:
    entry = fault_entry()
    assert entry.spec is not None
    lost = replace(entry, spec=replace(entry.spec, factory="no_such_module:Engine"))
    with pytest.raises(EngineFailed, match="No module named 'no_such_module'"):
        bench.run("ok", entry=lost)


def test_no_engine_stands_in_for_a_model_it_does_not_offer(bench: LaneBench) -> None:
    with pytest.raises(InvalidTask, match="'fault' does not offer the model 'dreamshaper'"):
        bench.run("ok", model="dreamshaper")


def test_an_entry_that_is_not_ready_takes_no_job(bench: LaneBench) -> None:
    broken = replace(fault_entry(), state="broken", reason="import failed")
    with pytest.raises(EngineMissing, match="import failed"):
        bench.run("ok", entry=broken)


# crash loops


# what engines leave behind
