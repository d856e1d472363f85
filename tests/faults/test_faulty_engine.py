"""Whatever an engine does: one ``fail`` with the true cause, and the next job runs."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.support.fault_field import ChangeSetting, FaultField, gone
from tests.support.processes import WorkerProcess
from tests.support.waiting import command_line, eventually, has_ended

DEATHS = {
    "crash:segv": r"killed by SIGSEGV \(segmentation fault\); last output:\n",
    "crash:abort": r"killed by SIGABRT",
    "crash:kill": r"killed by SIGKILL|\(SIGKILL\), probably out of memory",
    "crash:exit:3": r"exited with code 3; last output:\nabout to crash: exit 3",
    "sysexit:5": r"called sys\.exit\(5\)",
    "raise": r"raised RuntimeError: the engine raised on purpose",
    "garbage": r"something unreadable to the control channel",
    "closepipe": r"closed the control channel",
    "fork": r"killed by SIGSEGV",
    "empty": r"result\.png is empty",
    "undeclared": r"extension 'xyz'",
}

LIMITS = {
    "idle_seconds": (
        *("5", ("hang", "ignoreterm", "stop")),
        r"no progress for 5 s \(limits\.idle_seconds\)",
    ),
    "total_seconds": ("6", ("deaf:600",), r"longer than 6 s \(limits\.total_seconds\)"),
    "memory_gb": ("0.25", ("memory:600",), r"more than the 0\.25 GB allowed \(limits\.memory_gb\)"),
    "output_mb": ("5", ("big:60",), r"more than the 5 MB allowed \(limits\.output_mb\)"),
}
"""Limit, value, faults that break it, what the studio is told."""


def told(worker: WorkerProcess, job_id: str) -> list[str]:
    """What the worker said about the end of a job."""
    return [line for line in worker.lines if f"job {job_id} failed" in line]


@pytest.mark.parametrize("fault", DEATHS)
def test_a_death_is_one_failed_job_and_the_next_job_runs(standing: FaultField, fault: str) -> None:
    job = standing.fails(standing.submit(fault, maxAttempts=1))
    assert re.search(DEATHS[fault], job["error"]), job["error"]
    assert job["attempts"] == 1
    standing.finishes(standing.submit("ok"))
    assert len(told(standing.workers[0], job["jobId"])) == 1


@pytest.mark.parametrize("name", LIMITS)
def test_a_job_over_its_limit_is_ended_and_the_next_job_runs(
    standing: FaultField, setting: ChangeSetting, name: str
) -> None:
    value, faults, cause = LIMITS[name]
    standing.finishes(standing.submit("ok"))
    setting(f"limits.{name}", value)
    for fault in faults:
        job = standing.fails(standing.submit(fault, maxAttempts=1))
        assert re.search(cause, job["error"]), job["error"]
        standing.finishes(standing.submit("ok"))
        assert len(told(standing.workers[0], job["jobId"])) == 1


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        ("fault-load-segv", r"killed by SIGSEGV"),
        ("fault-load-raise", r"this model cannot be loaded"),
        ("fault-load-exit", r"sys\.exit\(4\)"),
    ],
)
def test_a_model_that_cannot_be_loaded_fails_its_job_alone(
    standing: FaultField, model: str, cause: str
) -> None:
    job = standing.fails(standing.submit("ok", model=model, maxAttempts=1))
    assert re.search(cause, job["error"]), job["error"]
    standing.finishes(standing.submit("ok"))


def test_loading_has_a_limit(standing: FaultField, setting: ChangeSetting) -> None:
    setting("limits.load_seconds", "2")
    job = standing.fails(standing.submit("ok", model="fault-load-hang", maxAttempts=1))
    assert re.search(r"longer than 2 s \(limits\.load_seconds\)", job["error"]), job["error"]
    setting("limits.load_seconds", "")
    standing.finishes(standing.submit("ok"))


def test_every_attempt_is_told_once_until_they_are_spent(standing: FaultField) -> None:
    job = standing.fails(standing.submit("crash:exit:9", maxAttempts=2))
    assert job["attempts"] == 2
    standing.finishes(standing.submit("ok"))
    assert len(told(standing.workers[0], job["jobId"])) == 2


def test_a_task_the_engine_cannot_serve_is_not_tried_again(standing: FaultField) -> None:
    job = standing.fails(standing.submit("invalid", maxAttempts=5))
    assert job["error"] == "this prompt is not for me"
    assert len(told(standing.workers[0], job["jobId"])) == 1


@pytest.mark.parametrize("flood", ["flood", "logs"])
def test_a_flood_of_output_does_no_harm(standing: FaultField, flood: str) -> None:
    before = psutil.Process(standing.workers[0].pid).memory_info().rss
    standing.finishes(standing.submit(flood), timeout=120)
    grown = psutil.Process(standing.workers[0].pid).memory_info().rss - before
    assert grown < 100 * 1024**2
    standing.finishes(standing.submit("ok"))


def test_kill_9_of_the_engine_from_outside(standing: FaultField) -> None:
    worker = standing.workers[0]
    standing.finishes(standing.submit("ok"))
    job_id = standing.submit("slow:600", maxAttempts=1)
    eventually("progress", lambda: standing.operator.job(job_id).get("progress"))
    engine = next(p for p in worker.descendants() if "lanes.child" in command_line(p))
    engine.kill()
    job = standing.fails(job_id)
    assert "SIGKILL" in job["error"]
    gone([engine])
    standing.finishes(standing.submit("ok"))


def test_what_a_crashing_engine_started_goes_with_it(standing: FaultField) -> None:
    worker = standing.workers[0]
    standing.finishes(standing.submit("ok"))
    for fault in ("fork", "daemon"):
        seen = len(worker.lines)
        standing.fails(standing.submit(fault, maxAttempts=1))
        left = int(worker.wait_line(r"left (\d+)", after=seen)[1])
        eventually("it is gone, too", partial(has_ended, left))
        standing.finishes(standing.submit("ok"))


def test_progress_shows_in_the_log_and_at_the_studio(standing: FaultField, tmp_path: Path) -> None:
    worker = standing.workers[0]
    job_id = standing.submit(f"until:{tmp_path / 'over'}")
    eventually("progress", lambda: standing.operator.job(job_id).get("progress"))
    worker.wait_line(rf"job {job_id}: \d+ %")
    (tmp_path / "over").touch()
    done = standing.finishes(job_id)
    assert "progress" not in done


def test_an_engine_that_keeps_crashing_is_not_offered_until_it_had_a_rest(
    standing: FaultField, setting: ChangeSetting
) -> None:
    def engines() -> list[str]:
        return [engine["name"] for engine in standing.capabilities()["engines"]]

    standing.finishes(standing.submit("ok"))
    assert "fault" in engines()
    setting("limits.crash_pause_seconds", "7")
    job = standing.fails(standing.submit("crash:segv", maxAttempts=3))
    assert job["attempts"] == 3
    standing.workers[0].wait_line("engine fault crashed repeatedly; it is not offered for 7 s")
    eventually("the engine is withdrawn", lambda: "fault" not in engines())
    assert "synthetic" in engines()
    eventually("the engine is back", lambda: "fault" in engines())
    standing.finishes(standing.submit("ok"))
