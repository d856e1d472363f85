"""Jobs that are made for an engine's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.plugin import ImageTask, JobCancelled, Model
from studio_worker_core.testing.jobs import make_job

TASK = ImageTask(prompt="fog", seed=3)


def test_a_task_and_a_directory_are_enough(tmp_path: Path) -> None:
    job = make_job(TASK, tmp_path)
    assert job.task.seed == 3
    assert job.output("PNG") == tmp_path / "result.png"
    assert job.scratch.is_dir()
    assert (job.model, job.inputs, job.cancelled) == (Model("test"), {}, False)


def test_it_keeps_what_the_engine_says(tmp_path: Path) -> None:
    job = make_job(TASK, tmp_path)
    job.progress(0.5, "half")
    job.progress(0.25)
    job.progress(1.0)
    job.log("odd", "warning")
    job.report(seed=7)
    assert (job.fractions, job.messages) == ([0.5, 1.0], ["half", None])
    assert job.logs == [("warning", "odd")]
    assert job.reported == {"seed": 7}


def test_whether_it_is_cancelled_is_asked_each_time(tmp_path: Path) -> None:
    job = make_job(TASK, tmp_path, model=Model("m"), is_cancelled=lambda: bool(job.fractions))
    job.check_cancelled()
    job.progress(0.1)
    with pytest.raises(JobCancelled):
        job.check_cancelled()
