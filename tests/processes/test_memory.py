"""The memory of a process and what it started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from studio_worker_core.processes import memory
from studio_worker_core.processes.memory import family, resident_bytes

_TREE = """
import subprocess, sys, threading
code = "import sys; held = bytearray({held}); print(flush=True); sys.stdin.read()"
below = "import subprocess, sys; " \\
        "subprocess.run([sys.executable, '-c', " + repr(code) + "], stdin=sys.stdin)"
thread = threading.Thread(target=subprocess.run, args=([sys.executable, '-c', below],))
thread.start()
thread.join()
"""
_HELD = 64 << 20


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A process whose thread started another, which started one that holds memory."""
    with subprocess.Popen(
        [sys.executable, "-c", _TREE.replace("{held}", str(_HELD))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def test_what_a_thread_of_the_process_started_counts_down_to_the_last(
    tree: subprocess.Popen[bytes],
) -> None:
    walked = psutil.Process(tree.pid).children(recursive=True)
    assert len(walked) == 2
    assert sorted(family(tree.pid)) == sorted([tree.pid, *(each.pid for each in walked)])
    assert resident_bytes(tree.pid) > _HELD


def test_a_kernel_without_lists_of_children_is_no_hindrance(
    tree: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_pid: int) -> list[int]:
        raise NotImplementedError

    monkeypatch.setattr(memory, "_children", unknown)
    assert len(family(tree.pid)) == 3
    assert resident_bytes(tree.pid) > _HELD


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what the system is asked")
def test_other_processes_are_not_looked_at(
    tree: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(*_: object) -> None:
        raise AssertionError("every process of the machine was looked at")

    monkeypatch.setattr(psutil, "pids", walk)
    monkeypatch.setattr(psutil.Process, "children", walk)
    assert resident_bytes(tree.pid) > _HELD


def test_a_process_that_has_ended_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert resident_bytes(process.pid) == 0
