"""Signals that ask a worker to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from studio_worker_core.worker.shutdown import Shutdown

PROGRAM = """
import os, signal, sys
from studio_worker_core.worker.shutdown import Shutdown
with Shutdown() as shutdown:
    shutdown.on_hurry(lambda: print("hurry", flush=True))
    print("ready", flush=True)
    shutdown.stop.wait()
    print(shutdown.signal_name, flush=True)
    sys.stdin.read()
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
        assert process.stdout.readline() == "hurry\n"
        assert process.wait(10) == 128 + number


def test_the_handlers_from_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Shutdown() as shutdown:
        assert signal.getsignal(signal.SIGTERM) != before
        assert not shutdown.stop.is_set()
    assert signal.getsignal(signal.SIGTERM) == before
    assert "signals" not in {thread.name for thread in threading.enumerate()}
