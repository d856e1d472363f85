"""An engine that fails, crashes or leaves something behind is one failed job."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from studio_worker_core.errors import (
    EngineFailed,
)
from studio_worker_core.lanes.results import Result
from studio_worker_core.plugin import (
    AudioSttTask,
    ChatMessage,
    LlmTask,
    Task,
)
from tests.support.lane_bench import LaneBench
from tests.support.waiting import eventually, has_ended

CRASHES = {
    "crash:segv": r"killed by SIGSEGV \(segmentation fault\)",
    "crash:abort": r"killed by SIGABRT",
    "crash:kill": r"killed by SIGKILL",
    "crash:exit:3": r"exited with code 3.*\n?.*last output:\nabout to crash: exit 3",
    "crash:exit:0": r"exited with code 0",
    "sysexit:5": r"called sys\.exit\(5\)",
    "raise": r"raised RuntimeError: the engine raised on purpose \(.*fault_engine\.py:\d+\)",
    "garbage": r"unreadable",
    "closepipe": r"closed the control channel",
    "nothing": r"generate returned nothing; it must return the path",
    "notjson": r"cannot be written as JSON: words\[0\]\.word is of the type object",
    "nonumber": r"cannot be written as JSON: usage\.seconds is nan",
    "engine-failed": r"out of luck",
    "undeclared": r"extension 'xyz', which its plugin fault-plugin does not declare .*png, wav",
    "empty": r"result\.png is empty",
    "nofile": r"there is no file result\.png",
    "outside": r"not in the job's directory",
    "symlink": r"not a regular file",
    "directory": r"not a regular file",
    "json": r"answered JSON to a task of kind image, which needs a file",
}


@pytest.mark.parametrize("fault", CRASHES)
def test_every_fault_is_one_failed_job_with_its_true_cause_and_the_next_job_runs(
    bench: LaneBench, fault: str
) -> None:
    with pytest.raises(EngineFailed, match=f"(?s)'fault'.*{CRASHES[fault]}") as caught:
        bench.run(fault)
    assert caught.value.retryable
    assert isinstance(bench.run("ok"), Result)


def test_a_file_for_a_task_that_needs_json_fails(bench: LaneBench) -> None:
    task = LlmTask(messages=[ChatMessage("user", "file")])
    with pytest.raises(EngineFailed, match="a file to a task of kind llm, which needs JSON"):
        bench.run(task)


@pytest.mark.parametrize(
    ("task", "lacks"),
    [
        (LlmTask(messages=[ChatMessage("user", "unlike")]), "'choices' is missing"),
        (AudioSttTask(input_url="data:,", prompt="unlike"), "'text' is missing"),
    ],
    ids=["llm", "audio_stt"],
)
def test_nothing_is_no_answer_and_the_next_job_runs(
    bench: LaneBench, task: Task, lacks: str
) -> None:
    with pytest.raises(EngineFailed, match=f"no answer of the kind .*: {lacks}"):
        bench.run(task)
    assert isinstance(bench.run("ok"), Result)


def test_an_engine_that_keeps_crashing_is_withdrawn_until_it_works_again(bench: LaneBench) -> None:
    for _ in range(2):
        with pytest.raises(EngineFailed):
            bench.run("crash:exit:1")
    assert bench.lanes.withdrawn() == frozenset()
    with pytest.raises(EngineFailed):
        bench.run("crash:exit:1")
    assert bench.lanes.withdrawn() == {"fault"}
    bench.run("ok")
    assert bench.lanes.withdrawn() == frozenset()


def test_failures_of_single_jobs_do_not_withdraw_an_engine(bench: LaneBench) -> None:
    for _ in range(4):
        with pytest.raises(EngineFailed):
            bench.run("raise")
    assert bench.lanes.withdrawn() == frozenset()


def test_crashes_cost_no_file_descriptors_and_no_threads(bench: LaneBench) -> None:
    def crash() -> None:
        with pytest.raises(EngineFailed):
            bench.run("crash:exit:1")
        bench.lanes.unload()

    for _ in range(2):
        crash()
    files, threads = psutil.Process().num_fds(), threading.active_count()
    for _ in range(3):
        crash()
    eventually("no more files", lambda: psutil.Process().num_fds() <= files)
    eventually("no more threads", lambda: threading.active_count() <= threads)


@pytest.mark.parametrize("fault", ["fork", "daemon"])
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_what_a_crashed_engine_started_is_gone(bench: LaneBench, fault: str) -> None:
    with pytest.raises(EngineFailed, match="SIGSEGV"):
        bench.run(fault)
    (line,) = [line for line in bench.logs if "left " in line]
    eventually("it is gone", lambda: has_ended(int(line.rpartition(" ")[2])))


def test_what_an_engine_started_ends_with_its_lane(bench: LaneBench) -> None:
    bench.run("child")
    (line,) = [line for line in bench.logs if "left " in line]
    bench.lanes.unload()
    eventually("it is gone", lambda: has_ended(int(line.rpartition(" ")[2])))
