"""The status board."""

from __future__ import annotations

import threading

from studio_worker_core.worker.status import JobStatus, StatusBoard, WorkerStatus

JOB = JobStatus(job_id="j", kind="image", engine="synthetic", model="synthetic", started=1.0)


def test_listeners_hear_every_snapshot() -> None:
    board = StatusBoard()
    heard: list[WorkerStatus] = []
    board.subscribe(heard.append)
    board.post(state="connected", worker_id="w")
    board.post(job=JOB)
    board.job_progress(0.5, "half")
    board.count("done")
    assert [status.state for status in heard] == ["connected"] * 4
    assert heard[2].job is not None
    assert (heard[2].job.fraction, heard[2].job.message) == (0.5, "half")
    assert heard[1].job == JOB, "a snapshot never changes"
    assert board.current.done == 1


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
        thread.join(30)
    assert board.current.failed == 800
