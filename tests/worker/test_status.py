"""The status board."""

from __future__ import annotations

import threading

from studio_worker_core.worker.status import JobStatus, StatusBoard, WorkerStatus
from tests.support.waiting import eventually

JOB = JobStatus(job_id="j", kind="image", engine="synthetic", model="synthetic", started=1.0)


def test_a_listener_hears_the_newest_snapshot() -> None:
    board = StatusBoard()
    heard: list[WorkerStatus] = []
    board.subscribe(heard.append)
    board.post(state="connected", worker_id="w")
    board.post(job=JOB)
    before = board.current
    board.job_progress(0.5, "half")
    board.count("done")
    board.close(30)
    assert heard[-1] == board.current
    assert before.job == JOB, "a snapshot never changes"
    assert board.current.job is not None
    assert (board.current.job.fraction, board.current.job.message) == (0.5, "half")
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


def test_progress_without_a_job_is_nobodys() -> None:
    board = StatusBoard()
    board.job_progress(0.5, None)
    assert board.current.job is None


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
