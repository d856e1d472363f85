"""What a running worker says of itself to the commands."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio_worker_core.jobs.job import Source
from studio_worker_core.redaction import hide
from studio_worker_core.worker.status import JobStatus, StatusBoard
from studio_worker_core.worker.status_file import StatusFile, WorkerReport, read_report
from tests.support.waiting import eventually

PID = os.getpid()
JOB = JobStatus(job_id="j", kind="image", engine="synthetic", model="m", started=10.0)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "daemon.lock"


@pytest.fixture
def board() -> Iterator[StatusBoard]:
    board = StatusBoard()
    yield board
    board.close(30)


def path_of(lock: Path) -> Path:
    return lock.with_name("daemon.status.json")


def wait_state(lock: Path, state: str) -> WorkerReport:
    def found() -> list[WorkerReport]:
        report = read_report(lock, PID)
        return [report] if report is not None and report.state == state else []

    return eventually(state, found)[0]


def test_the_commands_read_what_the_board_shows(lock: Path, board: StatusBoard) -> None:
    with StatusFile(lock, board):
        board.post(state="refused", detail="run 'register --reset'", worker_id="w")
        report = wait_state(lock, "refused")
        assert (report.detail, report.worker_id) == ("run 'register --reset'", "w")
        assert report.since == board.current.since
        board.post(not_taking="no room")
        eventually("the reason", lambda: (read_report(lock, PID) or report).not_taking)
        assert (read_report(lock, PID) or report).since == report.since
    assert not path_of(lock).exists()
    board.post(state="stopping")
    board.close(30)
    assert not path_of(lock).exists()


def test_the_file_names_every_job_that_runs(lock: Path, board: StatusBoard) -> None:
    with StatusFile(lock, board):
        board.job_started(JOB)
        board.job_started(replace(JOB, source="local", job_id="local-1"))
        board.post(state="connected")
        report = wait_state(lock, "connected")
    assert [job.job_id for job in report.jobs] == ["j", "local-1"]
    assert report.job == report.jobs[0]


def test_the_file_of_another_process_is_nobodys(lock: Path, board: StatusBoard) -> None:
    with StatusFile(lock, board):
        board.post(state="connected")
        wait_state(lock, "connected")
        assert read_report(lock, PID + 1) is None


def test_what_a_killed_worker_left_is_gone_before_the_first_word(
    lock: Path, board: StatusBoard
) -> None:
    path_of(lock).write_text(
        f'{{"pid":{PID},"state":"connected","since":"2026-01-01T00:00:00Z"}}', "utf-8"
    )
    assert read_report(lock, PID) is not None
    with StatusFile(lock, board):
        assert read_report(lock, PID) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "\udcff", "[" * 60_000])
def test_a_damaged_file_says_nothing(lock: Path, text: str) -> None:
    path_of(lock).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_report(lock, PID) is None


def test_a_pipe_in_its_place_is_no_file(lock: Path) -> None:
    os.mkfifo(path_of(lock))
    assert read_report(lock, PID) is None


def test_no_secret_stands_in_the_file(lock: Path, board: StatusBoard) -> None:
    hide("hunter2-hunter2")
    with StatusFile(lock, board):
        board.job_started(JobStatus("j", "image", "e", "hunter2-hunter2", 1.0))
        board.post(state="connected")
        report = wait_state(lock, "connected")
        assert report.job is not None
        assert "hunter2" not in path_of(lock).read_text("utf-8")


def test_progress_is_written_now_and_then_and_everything_else_at_once(
    lock: Path, board: StatusBoard
) -> None:
    clock = Clock()
    with StatusFile(lock, board, clock=clock):

        def fraction() -> float | None:
            report = read_report(lock, PID)
            return report.job.fraction if report is not None and report.job is not None else None

        board.job_started(JOB)
        board.post(state="connected")
        eventually("the job", lambda: fraction() == 0.0)
        board.job_progress(Source.STUDIO, JOB.job_id, 0.25, None)
        board.post(worker_id="w")
        eventually("news", lambda: getattr(read_report(lock, PID), "worker_id", None) == "w")
        assert fraction() == 0.25
        board.job_progress(Source.STUDIO, JOB.job_id, 0.5, None)

        def later() -> bool:
            clock.now += 2.5
            board.job_progress(Source.STUDIO, JOB.job_id, 0.75, None)
            return fraction() == 0.75

        eventually("the progress", later)


def test_a_disk_that_hangs_holds_up_neither_who_posts_nor_the_end(
    lock: Path, board: StatusBoard
) -> None:
    release, writing = threading.Event(), threading.Event()

    def hang(path: Path, data: bytes) -> None:
        writing.set()
        assert release.wait(60)

    with StatusFile(lock, board, write=hang):
        board.post(state="connected")
        assert writing.wait(30)
        for _ in range(1000):
            board.count("done")
    release.set()


def test_a_directory_that_takes_no_file_is_told_of_once(
    lock: Path, board: StatusBoard, caplog: pytest.LogCaptureFixture
) -> None:
    with StatusFile(lock.parent / "gone" / "daemon.lock", board):
        (lock.parent / "gone").write_text("in the way", "utf-8")
        for number in range(5):
            board.post(undelivered=number)
            eventually("a warning", lambda: "cannot see" in caplog.text)
    assert caplog.text.count("cannot see") == 1
