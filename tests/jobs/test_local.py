"""A job that nobody but the one who waits for it hears of."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio_worker_core.config import Limits
from studio_worker_core.errors import EngineFailed, InvalidTask, JobError
from studio_worker_core.jobs.job import Job, Source
from studio_worker_core.jobs.listener import Failure, JobListener
from studio_worker_core.jobs.local import check_input, done_here, plain_model
from studio_worker_core.lanes.results import Result
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask, TaskKind
from tests.support.fault_plugin import fault_entry

ENTRY = fault_entry()


class Heard(JobListener[Result]):
    """Writes down what it hears; the engine's reports between start and end are of no interest."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def accepted(self, job: Job) -> None:
        self.calls.append("accepted")

    def started(self, job: Job) -> None:
        self.calls.append("started")

    def finished(self, job: Job, result: Result) -> None:
        self.calls.append("finished")

    def failed(self, job: Job, failure: Failure) -> None:
        self.calls.append(f"failed: {failure.message}")


def local_job(prompt: str) -> Job:
    task = ImageTask(prompt=prompt, width=8, height=8, seed=1)
    source = ModelSource(engine=ENTRY.engine)
    return Job("local", Source.LOCAL, model="fault", task=task, model_source=source)


def test_the_result_is_there_for_as_long_as_it_is_looked_at() -> None:
    heard = Heard()
    with done_here(local_job("ok"), ENTRY, {}, limits=Limits(), listener=heard) as result:
        assert isinstance(result, Result)
        assert result.path.stat().st_size > 0
    assert not result.path.parent.exists()
    assert heard.calls == ["accepted", "started", "finished"]


def test_a_failure_is_heard_and_raised() -> None:
    heard = Heard()
    job = local_job("engine-failed")
    with (
        pytest.raises(EngineFailed, match="out of luck") as caught,
        done_here(job, ENTRY, {}, limits=Limits(), listener=heard),
    ):
        raise AssertionError("there is no result")
    assert isinstance(caught.value, JobError)
    assert heard.calls == ["accepted", "started", f"failed: {caught.value}"]


def test_the_plain_model_is_the_one_with_the_shortest_name() -> None:
    assert plain_model(ENTRY, TaskKind.IMAGE) == "fault"
    assert plain_model(ENTRY, TaskKind.MESH) is None


def test_an_input_has_to_be_what_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("words", "utf-8")
    with pytest.raises(InvalidTask, match="is not an image"):
        check_input("init_image", path)
    with pytest.raises(InvalidTask, match="is not audio"):
        check_input("input", path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert check_input("mask", path) == path.resolve()
