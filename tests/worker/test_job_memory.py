"""The jobs that run and the last ones that ended."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from studio_worker_core.jobs.job import Job, Source, StopReason
from studio_worker_core.jobs.listener import Failure
from studio_worker_core.lanes.live import Inspection
from studio_worker_core.secrets import Secret
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.wire.tasks import ImageTask
from studio_worker_core.worker.job_memory import MOST_ENDED, JobMemory

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(job_id: str, source: Source = Source.STUDIO, prompt: str = "a fox") -> Job:
    task = ImageTask(prompt=prompt)
    return Job(job_id, source, model="m", task=task, model_source=ModelSource("toy"))


def test_a_job_is_shown_as_it_goes_on_and_as_it_ended() -> None:
    rings: list[int] = []
    memory = JobMemory(lambda: rings.append(1), now=lambda: NOON)
    mine = job("job-1")
    memory.started(mine)
    memory.progress(mine, 0.5, "half")
    assert msgspec.to_builtins(memory.active()) == [
        {
            "jobId": "job-1",
            "kind": "image",
            "model": "m",
            "engine": "toy",
            "prompt": "a fox",
            "source": "studio",
            "status": "running",
            "fraction": 0.5,
            "message": "half",
            "startedAt": "2026-01-01T12:00:00.000Z",
            "hasThumbnail": False,
        }
    ]
    memory.finished(mine, object())
    assert memory.active() == []
    (ended,) = memory.ended(Source.STUDIO)
    assert (ended.status, ended.fraction, ended.reason) == ("completed", 1.0, None)
    assert ended.finished_at == "2026-01-01T12:00:00.000Z"
    assert memory.ended(Source.LOCAL) == []
    assert len(rings) == 3


def test_a_job_whose_result_has_a_picture_says_so_whenever_that_is_heard() -> None:
    memory = JobMemory()
    for name in ("job-1", "job-2", "job-3"):
        memory.started(job(name))
    memory.inspected(job("job-1"), Inspection(thumbnail=b"png"))
    memory.inspected(job("job-3"), Inspection())
    for name in ("job-1", "job-2", "job-3"):
        memory.finished(job(name), object())
    memory.inspected(job("job-2"), Inspection(thumbnail=b"png"))
    found = {shown.job_id: shown.has_thumbnail for shown in memory.ended(Source.STUDIO)}
    assert found == {"job-1": True, "job-2": True, "job-3": False}


def test_a_job_that_was_stopped_says_why() -> None:
    memory = JobMemory()
    mine = job("local-1", Source.LOCAL)
    memory.started(mine)
    reason = StopReason.CANCELLED
    memory.failed(mine, Failure(reason.value, False, reason))
    (ended,) = memory.ended(Source.LOCAL)
    assert (ended.status, ended.reason) == ("failed", "cancelled")


@given(st.lists(st.tuples(st.sampled_from(Source), st.booleans()), max_size=200))
def test_the_last_ones_of_each_source_are_kept_and_no_more(
    history: list[tuple[Source, bool]],
) -> None:
    memory = JobMemory()
    names: dict[Source, list[str]] = {source: [] for source in Source}
    for number, (source, is_done) in enumerate(history):
        each = job(str(number), source)
        memory.started(each)
        if is_done:
            memory.finished(each, None)
            names[source].insert(0, str(number))
    for source in Source:
        kept = [shown.job_id for shown in memory.ended(source)]
        assert kept == names[source][:MOST_ENDED]
    running = [str(number) for number, (_, is_done) in enumerate(history) if not is_done]
    assert [shown.job_id for shown in memory.active()] == running


def test_texts_are_cut_and_without_secrets() -> None:
    Secret("correct-horse-battery")
    memory = JobMemory()
    mine = job("job-1", prompt="correct-horse-battery " + "x" * 100_000)
    memory.started(mine)
    memory.progress(mine, 0.1, "correct-horse-battery")
    (shown,) = memory.active()
    assert shown.prompt.startswith("*** xxx")
    assert len(shown.prompt) < 3_000
    assert shown.message == "***"
    memory.failed(mine, Failure("correct-horse-battery", False))
    assert memory.ended(Source.STUDIO)[0].reason == "***"


def test_two_jobs_of_one_name_are_told_apart_by_their_source() -> None:
    memory = JobMemory()
    studio, local = job("1"), job("1", Source.LOCAL)
    memory.started(studio)
    memory.started(local)
    memory.finished(studio, None)
    assert [shown.source for shown in memory.active()] == [Source.LOCAL]
