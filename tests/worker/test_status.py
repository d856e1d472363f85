"""The status board."""

from __future__ import annotations

import threading

import msgspec

from studio_worker_core.jobs.job import Source
from studio_worker_core.secrets import Secret
from studio_worker_core.worker.status import JobStatus, StatusBoard, WorkerStatus
from tests.support.waiting import eventually

JOB = JobStatus(job_id="j", kind="image", engine="synthetic", model="synthetic", started=1.0)


def test_a_listener_hears_the_newest_snapshot() -> None:
    board = StatusBoard()
    heard: list[WorkerStatus] = []
    board.subscribe(heard.append)
    board.post(state="connected", worker_id="w")
    board.job_started(JOB)
    before = board.current
    board.job_progress(Source.STUDIO, "j", 0.5, "half")
    board.count("done")
    board.close(30)
    assert heard[-1] == board.current
    assert before.jobs == (JOB,), "a snapshot never changes"
    (job,) = board.current.jobs
    assert (job.fraction, job.message) == (0.5, "half")
    assert board.current.done == 1


def test_a_listener_that_hangs_holds_up_neither_who_posts_nor_another_listener() -> None:
    board = StatusBoard()
    release, called = threading.Event(), threading.Event()
    heard: list[WorkerStatus] = []

    def hang(status: WorkerStatus) -> None:
        heard.append(status)
        called.set()
        assert release.wait(60)

    other: list[int] = []
    board.subscribe(hang)
    board.subscribe(lambda status: other.append(status.done))
    board.post(state="connected")
    assert called.wait(60)
    for _ in range(1000):
        board.count("done")
    eventually("the other one heard it", lambda: other and other[-1] == 1000)
    assert len(heard) == 1
    release.set()
    board.close(30)
    assert [status.done for status in heard] == [0, 1000], "in between only the newest is kept"


def test_a_listener_that_pauses_is_told_the_newest_at_the_end() -> None:
    board = StatusBoard()
    heard: list[str] = []
    board.subscribe(lambda status: heard.append(status.state), pause=3600.0)
    board.post(state="connected")
    eventually("the first is told at once", lambda: heard == ["connected"])
    board.post(state="waiting")
    board.post(state="stopping")
    board.close(60)
    assert heard == ["connected", "stopping"], "the end does not wait for the pause"


def test_progress_without_a_job_is_nobodys() -> None:
    board = StatusBoard()
    board.job_progress(Source.STUDIO, "j", 0.5, None)
    assert board.current.jobs == ()


def test_jobs_of_both_sources_are_shown_each_with_its_own_progress() -> None:
    board = StatusBoard()
    own = msgspec.structs.replace(JOB, source="local")
    board.job_started(JOB)
    board.job_started(own)
    board.job_progress(Source.LOCAL, "j", 0.5, "half")
    board.job_progress(Source.STUDIO, "j", 0.25, None)
    assert [(job.source, job.fraction) for job in board.current.jobs] == [
        ("studio", 0.25),
        ("local", 0.5),
    ]
    board.job_ended(Source.STUDIO, "j", undelivered=1)
    assert [job.source for job in board.current.jobs] == ["local"]
    assert board.current.undelivered == 1
    board.job_ended(Source.STUDIO, "j")
    assert [job.source for job in board.current.jobs] == ["local"], "the other one goes on"


def test_what_an_engine_says_of_its_progress_is_shown_without_secrets() -> None:
    board = StatusBoard()
    Secret("hunter2-hunter2")
    board.job_started(JOB)
    board.job_progress(Source.STUDIO, "j", 0.5, "with hunter2-hunter2")
    assert board.current.jobs[0].message == "with ***"


def test_counting_from_many_threads_loses_nothing() -> None:
    board = StatusBoard()

    def count() -> None:
        for _ in range(200):
            board.count("failed")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert board.current.failed == 800
