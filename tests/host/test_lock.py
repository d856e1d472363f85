"""One worker per config directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from studio_worker_core.errors import AlreadyRunning, ConfigError
from studio_worker_core.host.lock import InstanceLock

HOLD = """
import sys
from pathlib import Path
from studio_worker_core.host.lock import InstanceLock
with InstanceLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worker" / "daemon.lock"


@contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()


def test_the_second_worker_is_told_who_holds_the_lock(path: Path) -> None:
    with _holder(path) as child:
        with pytest.raises(AlreadyRunning) as caught, InstanceLock(path):
            pytest.fail("two workers hold one lock")
        assert caught.value.pid == child.pid
        assert f"process {child.pid}" in str(caught.value)
        assert str(path.parent) in str(caught.value)


def test_a_lock_is_free_after_kill_9(path: Path) -> None:
    with _holder(path) as child:
        child.kill()
        child.wait(timeout=60)
        with InstanceLock(path):
            assert int(path.with_name("daemon.pid").read_text()) == os.getpid()
        assert not path.with_name("daemon.pid").exists()


def test_a_lock_is_free_after_a_clean_end(path: Path) -> None:
    with _holder(path) as child:
        child.communicate("", timeout=60)
        with InstanceLock(path):
            pass


def test_a_lock_can_be_taken_again_by_the_same_process(path: Path) -> None:
    lock = InstanceLock(path)
    for _ in range(2):
        with lock:
            pass


def test_two_locks_in_one_process_exclude_each_other(path: Path) -> None:
    with InstanceLock(path) as held:
        with pytest.raises(AlreadyRunning) as caught:
            InstanceLock(path).acquire()
        assert caught.value.pid == os.getpid()
        with pytest.raises(AlreadyRunning):
            held.acquire()


def test_a_child_process_does_not_keep_the_lock(path: Path) -> None:
    lock = InstanceLock(path)
    lock.acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        close_fds=False,
    ) as child:
        lock.release()
        with InstanceLock(path):
            pass
        child.communicate(timeout=60)


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot open the lock file"):
        InstanceLock(tmp_path / "file" / "daemon.lock").acquire()
