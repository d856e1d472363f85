"""One holder of a lock at a time, in threads and in processes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio_worker_core.storage.locks import FileLock, held

HOLD = """
import sys
from pathlib import Path
from studio_worker_core.storage.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class GaveUp(Exception):
    """Whoever waited does so no more."""


def give_up(_: float) -> None:
    raise GaveUp


def test_a_lock_of_another_process_is_waited_for_and_free_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "held\n"
            with pytest.raises(GaveUp), held(path, give_up):
                pytest.fail("two hold one lock")
        finally:
            child.kill()
    with held(path, give_up):
        pass


def test_threads_take_turns(tmp_path: Path) -> None:
    path, at_once, most = tmp_path / "file.lock", 0, 0
    many = threading.Barrier(4)

    def work() -> None:
        nonlocal at_once, most
        many.wait(30)
        for _ in range(5):
            with held(path, threading.Event().wait):
                at_once += 1
                most = max(most, at_once)
                at_once -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1


def test_a_holder_cannot_take_it_twice_and_can_take_it_again(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "file.lock")
    for _ in range(2):
        assert lock.acquire()
        assert not lock.acquire()
        assert lock.held
        lock.release()
        lock.release()


def test_the_file_stays_and_keeps_the_first_mark(tmp_path: Path) -> None:
    path = tmp_path / "file.lock"
    for text in (b"written\n", b"another\n"):
        lock = FileLock(path)
        assert lock.acquire()
        lock.mark(text)
        lock.release()
    assert path.read_bytes() == b"written\n"


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "nowhere" / "file.lock").acquire()
