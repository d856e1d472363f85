"""Signals that ask a worker to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio_worker_core.worker.shutdown import Shutdown

PROGRAM = """
import sys
from studio_worker_core.worker.shutdown import Shutdown
with Shutdown() as shutdown:
    shutdown.serving()
    print("ready", flush=True)
    shutdown.stop.wait()
    print(shutdown.signal_name, flush=True)
    sys.stdin.read()
"""

# The main thread is in C code and holds no way back to Python: as on a disk that hangs.
STUCK = """
import ctypes, os, sys, threading
from studio_worker_core.worker.shutdown import Shutdown
reader, writer = os.pipe()
with Shutdown(start_seconds=float(sys.argv[1])) as shutdown:
    def tell():
        print("ready", flush=True)
        shutdown.stop.wait()
        print("asked", flush=True)
    threading.Thread(target=tell, daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    with open(sys.argv[2]) as fifo:
        pass
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_the_first_signal_asks_and_the_second_ends_the_process(name: str) -> None:
    number = getattr(signal, name)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{name}\n"
        process.send_signal(number)
        assert process.wait(60) == 128 + number


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_a_start_that_is_stuck_in_the_system_ends_at_the_first_signal(fifo: Path) -> None:
    argv = [sys.executable, "-c", STUCK, "0.1", str(fifo)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(60) == 0


def test_a_second_signal_ends_a_process_that_is_stuck_in_the_system(fifo: Path) -> None:
    argv = [sys.executable, "-c", STUCK, "600", str(fifo)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.readline() == "asked\n"
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM


def test_a_signal_that_another_thread_gets_is_not_lost() -> None:
    with Shutdown() as shutdown:
        shutdown.serving()
        # To this thread alone, while the main thread sits in a lock without a time-out.
        victim = threading.Thread(
            target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        )
        lock = threading.Lock()
        lock.acquire()

        def release_once_told() -> None:
            shutdown.stop.wait(60)
            lock.release()

        releaser = threading.Thread(target=release_once_told)
        releaser.start()
        victim.start()
        assert lock.acquire()
        assert shutdown.stop.is_set()
        victim.join(60)
        releaser.join(60)


def test_the_handlers_from_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Shutdown() as shutdown:
        assert signal.getsignal(signal.SIGTERM) != before
        assert not shutdown.stop.is_set()
    assert signal.getsignal(signal.SIGTERM) == before
    assert signal.set_wakeup_fd(-1) == -1
    assert "signals" not in {thread.name for thread in threading.enumerate()}
