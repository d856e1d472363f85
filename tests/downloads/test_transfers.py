"""Transfers run side by side and end at once."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from studio_worker_core.downloads.transfers import HungUp, TransferLine, run_transfers
from studio_worker_core.errors import DownloadFailed, JobCancelled
from studio_worker_core.storage.locks import held


def run(*transfers: object, parallel: int = 2, **options: object) -> list[object]:
    options.setdefault("cancel", threading.Event())
    return run_transfers(transfers, parallel=parallel, **options)  # type: ignore[arg-type]


def test_results_come_in_order_whatever_ends_first() -> None:
    second_done = threading.Event()

    def slow(line: TransferLine) -> str:
        assert second_done.wait(60)
        return "slow"

    def fast(line: TransferLine) -> str:
        second_done.set()
        return "fast"

    assert run(slow, fast) == ["slow", "fast"]
    assert run() == []


def test_the_first_error_ends_the_others() -> None:
    hung_up = threading.Event()

    def waits(line: TransferLine) -> None:
        try:
            line.pause(600)
        except HungUp:
            hung_up.set()
            raise

    def fails(line: TransferLine) -> None:
        raise DownloadFailed("no")

    with pytest.raises(DownloadFailed, match="no"):
        run(waits, fails)
    assert hung_up.wait(60)


def test_transfers_that_wait_for_a_place_never_start_after_an_error() -> None:
    started: list[int] = []

    def fails(line: TransferLine) -> None:
        raise DownloadFailed("no")

    with pytest.raises(DownloadFailed):
        run(fails, lambda line: started.append(1), parallel=1)
    assert started == []


def test_a_deadline_ends_a_transfer() -> None:
    with pytest.raises(DownloadFailed, match=r"the mask took longer than 0\.2 s"):
        run(lambda line: line.pause(600), seconds=0.2, what="the mask")


def test_hanging_up_frees_a_blocked_read() -> None:
    here, there = socket.socketpair()
    cancel, reading = threading.Event(), threading.Event()

    def read(line: TransferLine) -> None:
        line.attach(here)
        reading.set()
        here.recv(1)
        line.check()

    def set_cancel() -> None:
        assert reading.wait(60)
        cancel.set()

    setter = threading.Thread(target=set_cancel)
    setter.start()
    with pytest.raises(JobCancelled):
        run(read, cancel=cancel)
    setter.join(60)
    here.close()
    there.close()


def test_a_socket_is_not_attached_to_a_line_that_is_down() -> None:
    line = TransferLine()
    line.hang_up()
    with socket.socket() as sock, pytest.raises(HungUp):
        line.attach(sock)


def test_a_lock_is_waited_for_and_given_up_on_when_asked(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "a.lock"
    line = TransferLine()
    with held(lock):
        line.hang_up()
        with pytest.raises(HungUp), held(lock, line.pause):
            pass
    with held(lock):
        pass
