"""What the demo plans for the engines that are installed."""

from __future__ import annotations

import msgspec

from studio_worker_core.wire.tasks import Task, TaskKind, task_kind
from studio_worker_studio.demo.engines import InstalledEngine
from studio_worker_studio.demo.plan import DemoJob, plan_jobs

SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg"}
PICTURES = {"png": "image/png", "webp": "image/webp"}


def entry(
    engine: str, *kinds: TaskKind, extensions: dict[str, str], state: str = "ready"
) -> InstalledEngine:
    """An installed engine of one distribution that all of them share."""
    return InstalledEngine(
        engine=engine,
        distribution="some-plugin",
        state=state,
        kinds=kinds,
        models=dict.fromkeys(kinds, (f"{engine}:*", f"{engine}-model")),
        extensions=extensions,
    )


def summary(jobs: list[DemoJob]) -> list[tuple[str, str, str | None]]:
    """Engine, kind and extension of every job."""
    return [(job.engine, job.kind.value, job.ext) for job in jobs]


def test_every_engine_works_and_every_extension_is_made_once() -> None:
    jobs = plan_jobs(
        [
            entry("espeak", TaskKind.AUDIO_TTS, extensions=SOUNDS),
            entry("formant", TaskKind.AUDIO_TTS, extensions=SOUNDS),
        ]
    )
    assert summary(jobs) == [
        ("espeak", "audio_tts", "wav"),
        ("espeak", "audio_tts", "mp3"),
        ("formant", "audio_tts", "wav"),
    ]


def test_an_engine_that_is_not_ready_gets_no_job() -> None:
    broken = entry("x", TaskKind.LLM, extensions={}, state="broken")
    assert plan_jobs([broken]) == []


def test_a_model_that_has_to_be_described_by_a_source_is_not_asked_for() -> None:
    (job,) = plan_jobs([entry("chat", TaskKind.LLM, extensions={})])
    assert job.model == "chat-model"
    only_described = msgspec.structs.replace(
        entry("chat", TaskKind.LLM, extensions={}), models={TaskKind.LLM: ("chat:*",)}
    )
    assert plan_jobs([only_described]) == []


def test_clips_are_asked_for_in_the_types_that_move() -> None:
    types = {"mp4": "video/mp4", "gif": "image/gif", "png": "image/png", "wav": "audio/wav"}
    jobs = plan_jobs([entry("motion", TaskKind.VIDEO, extensions=types)])
    assert [job.ext for job in jobs] == ["mp4", "gif"]


def test_one_job_of_each_picture_engine_starts_from_an_earlier_picture() -> None:
    jobs = plan_jobs(
        [
            entry("motion", TaskKind.VIDEO, extensions={"mp4": "video/mp4"}),
            entry("procedural", TaskKind.IMAGE, extensions=PICTURES),
        ]
    )
    later = [job for job in jobs if job.needs]
    assert {(job.engine, job.needs, job.needs_field) for job in later} == {
        ("motion", TaskKind.IMAGE, "initImageUrl"),
        ("procedural", TaskKind.IMAGE, "initImageUrl"),
    }
    assert jobs[-len(later) :] == later


def test_what_needs_a_result_that_nobody_makes_is_left_out() -> None:
    assert plan_jobs([entry("stt", TaskKind.AUDIO_STT, extensions={})]) == []
    jobs = plan_jobs([entry("both", TaskKind.AUDIO_STT, TaskKind.AUDIO_TTS, extensions=SOUNDS)])
    assert summary(jobs)[-1] == ("both", "audio_stt", None)


def test_every_planned_task_is_valid_on_the_wire() -> None:
    jobs = plan_jobs([entry("all", *TaskKind, extensions={**PICTURES, **SOUNDS})])
    # A 3D model is made from a picture of the user's; there is none to show it with.
    assert {job.kind for job in jobs} == set(TaskKind) - {TaskKind.MESH}
    for job in jobs:
        raw = {**job.task}
        if job.needs:
            raw[job.needs_field] = "http://127.0.0.1:1/x.png"
        task: Task = msgspec.convert(raw, Task)
        assert task_kind(task) is job.kind
