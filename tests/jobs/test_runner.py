from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from studio_worker_core.errors import (
    DownloadFailed,
    EngineFailed,
    InvalidTask,
    JobCancelled,
    JobError,
    JobTimedOut,
    ModelStoreError,
    OutboxError,
    SourceRefused,
)
from studio_worker_core.jobs.slots import Slot
from studio_worker_core.lanes.results import Result
from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import ImageTask, MeshTask, Task
from tests.jobs.conftest import Bench


def test_a_picture_ends_in_the_outbox(bench: Bench) -> None:
    entry = bench.do(bench.job())
    assert bench.outbox.pending() == [entry]
    assert (entry.job_id, entry.manifest.mime, entry.manifest.session) == ("job-1", "image/png", 1)
    assert sorted(p.name for p in entry.directory.iterdir()) == [
        ".studio-worker-draft",
        "manifest.json",
        "result.png",
    ]


def test_an_answer_is_kept_as_json(bench: Bench) -> None:
    entry = bench.do(bench.job(bench.chat, model="chat"))
    assert entry.is_json
    assert entry.path.read_bytes() == b'{"answer":42}'


def test_the_engine_gets_files_inputs_defaults_and_room(bench: Bench) -> None:
    bench.do(bench.job(files=True))
    (request,) = bench.requests
    assert request.model.name == "paint"
    file = request.model.file("model")
    assert file is not None
    assert file.name == "model.bin"
    assert request.model.defaults.steps == 7
    assert request.inputs["init_image"].parent.parent == request.scratch
    assert request.entry.engine == "toy"


def test_files_that_came_with_a_job_count_beside_what_it_names(
    bench: Bench, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    bench.do(bench.job(inputs={"mask": mask}))
    (request,) = bench.requests
    assert request.inputs["mask"] == mask
    assert request.inputs["init_image"].parent.parent == request.scratch


def test_a_file_that_came_with_a_job_is_not_fetched_too(bench: Bench, tmp_path: Path) -> None:
    start = tmp_path / "start.png"
    bench.do(bench.job(inputs={"init_image": start}))
    (request,) = bench.requests
    assert request.inputs == {"init_image": start}


def test_the_lane_is_the_one_of_the_slot(bench: Bench) -> None:
    bench.do(bench.job(), slot=Slot("1", "cuda:1", {"CUDA_VISIBLE_DEVICES": "1"}))
    (request,) = bench.requests
    assert request.slot == "1"
    assert request.environment == {"CUDA_VISIBLE_DEVICES": "1"}


def test_a_declared_extension_gets_its_declared_mime(bench: Bench) -> None:
    def sculpt(request: Any, cancel: Any) -> Result:
        path = request.directory / "result.splat"
        path.write_bytes(b"glTF")
        return Result(path)

    bench.engine = sculpt
    assert bench.do(bench.job()).manifest.mime == "model/x-splat"


def test_progress_has_a_share_for_downloads_and_never_goes_back(bench: Bench) -> None:
    bench.do(bench.job(files=True))
    fractions = [fraction for fraction, _ in bench.reports]
    assert fractions == pytest.approx([0.1, 0.2, 0.6, 1.0])


def test_without_downloads_the_engine_has_the_whole_way(bench: Bench) -> None:
    bench.do(bench.job())
    assert [fraction for fraction, _ in bench.reports] == [0.5, 1.0]


def test_how_it_was_made_is_kept_for_a_studio_that_wants_to_know(bench: Bench) -> None:
    made = GenerationMeta(engine="toy", seed=5)
    plain = bench.engine

    def draw(request: Any, cancel: Any) -> Result:
        drawn: Result = plain(request, cancel)
        return replace(drawn, meta=made)

    bench.engine = draw
    assert bench.do(bench.job(), with_meta=True).manifest.meta == made


def test_how_it_was_made_is_not_kept_for_another(bench: Bench) -> None:
    assert bench.do(bench.job()).manifest.meta is None


def test_a_job_offered_again_is_not_done_twice(bench: Bench) -> None:
    first = bench.do(bench.job(), session=1)
    again = bench.do(bench.job(), session=4)
    assert len(bench.requests) == 1
    assert again.manifest.session == 4
    assert again.manifest.sha256 == first.manifest.sha256
    assert bench.outbox.pending() == [again]


PICTURE = ImageTask(prompt="a castle", ext="png", seed=1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PICTURE, replace(PICTURE, seed=2)),
        (PICTURE, replace(PICTURE, init_image_url="https://x/a.png")),
        (PICTURE, replace(PICTURE, width=64)),
        (
            MeshTask(image_url="https://x/a.png", ext="png"),
            MeshTask(image_url="https://x/b.png", ext="png"),
        ),
    ],
)
def test_a_kept_result_answers_its_own_task_only(bench: Bench, first: Task, second: Task) -> None:
    bench.do(bench.job(first))
    bench.do(bench.job(second))
    assert len(bench.requests) == 2
    assert [entry.job_id for entry in bench.outbox.refused()] == ["job-1"]
    bench.do(bench.job(second))
    assert len(bench.requests) == 2


def test_a_kept_result_answers_its_own_model_files_only(bench: Bench) -> None:
    bench.do(bench.job(files=False))
    bench.do(bench.job(files=True))
    assert len(bench.requests) == 2


def test_a_result_of_before_tasks_were_told_apart_still_answers(bench: Bench) -> None:
    entry = bench.do(bench.job())
    manifest = entry.directory / "manifest.json"
    old = json.loads(manifest.read_text("utf-8"))
    del old["task"]
    manifest.write_text(json.dumps(old), "utf-8")
    again = bench.do(bench.job(), session=4)
    assert len(bench.requests) == 1
    assert again.manifest.sha256 == entry.manifest.sha256


def test_another_task_under_the_same_id_is_done(bench: Bench) -> None:
    bench.do(bench.job())
    bench.do(bench.job(model="toy-other"))
    assert len(bench.requests) == 2
    assert len(bench.outbox.refused()) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "retryable"),
    [
        (DownloadFailed("reset"), JobError, True),
        (ModelStoreError("the disk is full"), JobError, True),
        (SourceRefused("wrong checksum"), InvalidTask, False),
        (JobCancelled("cancelled"), JobCancelled, False),
        (OSError(errno.ENOSPC, "No space left on device"), JobError, True),
        (ZeroDivisionError("oops"), JobError, True),
    ],
)
@pytest.mark.parametrize("stage", ["fault_in_models", "fault_in_inputs"])
def test_a_failed_download_is_one_job_error(
    bench: Bench, stage: str, fault: Exception, kind: type[JobError], retryable: bool
) -> None:
    setattr(bench, stage, fault)
    with pytest.raises(JobError) as caught:
        bench.do(bench.job(files=True))
    assert type(caught.value) is kind
    assert caught.value.retryable is retryable
    assert str(fault) in str(caught.value)
    assert list((bench.outbox.root / "jobs").iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [
        (EngineFailed("killed by SIGSEGV"), True),
        (JobTimedOut("no progress for 300 s"), True),
        (InvalidTask("too wide"), False),
        (JobCancelled("cancelled"), False),
    ],
)
def test_an_engine_error_comes_out_as_it_is(bench: Bench, fault: JobError, retryable: bool) -> None:
    def fail(request: Any, cancel: Any) -> Result:
        raise fault

    bench.engine = fail
    with pytest.raises(type(fault)) as caught:
        bench.do(bench.job())
    assert caught.value is fault
    assert caught.value.retryable is retryable
    assert bench.outbox.pending() == []
    assert list((bench.outbox.root / "jobs").iterdir()) == []


def test_a_full_outbox_is_retryable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: Any, **_named: Any) -> None:
        raise OutboxError("the disk is full", needed=10, free=1)

    monkeypatch.setattr(bench.outbox, "begin", full)
    with pytest.raises(JobError, match="disk is full") as caught:
        bench.do(bench.job())
    assert caught.value.retryable


def test_a_cancelled_job_does_not_start(bench: Bench) -> None:
    job = bench.job(files=True)
    job.cancel.set()
    with pytest.raises(JobCancelled):
        bench.do(job)
    assert bench.asked_models == []
    assert bench.requests == []
    assert list((bench.outbox.root / "jobs").iterdir()) == []


def test_whatever_breaks_while_cancelling_is_a_cancellation(bench: Bench) -> None:
    def broken(request: Any, cancel: Any) -> Result:
        cancel.set()
        raise OSError("pipe closed")

    bench.engine = broken
    with pytest.raises(JobCancelled):
        bench.do(bench.job())


def test_every_line_names_its_job(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "studio_worker"):
        bench.do(bench.job(files=True))
    assert caplog.records
    assert all(getattr(record, "job_id", None) == "job-1" for record in caplog.records)
    said = caplog.text
    assert "toy: hello from the engine" in said
    assert "ran engine toy in" in said


def test_options_that_the_engine_does_not_have_are_refused_before_anything_is_done(
    bench: Any,
) -> None:
    task = ImageTask(prompt="a castle", ext="png", options={"gloss": 1})
    with pytest.raises(InvalidTask, match="engine 'toy': options has no 'gloss'; it has none"):
        bench.do(bench.job(task, files=True))
    assert bench.asked_models == []
    assert bench.outbox.pending() == []
