"""Nothing an engine started outlives a worker that is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.support.lane_bench import LaneBench
from tests.support.waiting import command_line, eventually, has_ended

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="the guard finds strays through /proc"
)

_WORKER = """
import sys, threading
from pathlib import Path
from tests.support.lane_bench import LaneBench

bench = LaneBench(Path(sys.argv[1]))
said = set()

def say(*parts):
    if parts[0] not in said:
        said.add(parts[0])
        print(*parts, flush=True)

class Logs(list):
    def append(self, line):
        if "left " in line:
            say("left", line.rpartition(" ")[2])
bench.logs = Logs()
bench.on_progress = lambda: say("running", bench.pid())
for fault in sys.argv[2:]:
    bench.run(fault)
say("idle", bench.pid())
threading.Event().wait(600)
"""


def _start(tmp_path: Path, *faults: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(tmp_path), *faults],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _heard(worker: subprocess.Popen[str], what: str) -> int:
    assert worker.stdout is not None
    watchdog = threading.Timer(90, worker.kill)
    watchdog.start()
    try:
        for line in worker.stdout:
            word, number = line.split()
            if word == what:
                return int(number)
    finally:
        watchdog.cancel()
    raise AssertionError(f"the worker never said {what!r}")


def _kill(worker: subprocess.Popen[str], *pids: int) -> None:
    watched = [psutil.Process(pid) for pid in pids]
    watched += psutil.Process(worker.pid).children(recursive=True)
    worker.kill()
    worker.wait(60)
    assert worker.stdout is not None
    worker.stdout.close()
    eventually("everything is gone", lambda: all(map(has_ended, watched)))


def test_an_idle_lane_dies_with_a_killed_worker(tmp_path: Path) -> None:
    worker = _start(tmp_path, "ok")
    _kill(worker, _heard(worker, "idle"))


@pytest.mark.parametrize("fault", ["slow:600", "deaf:600", "ignoreterm"])
def test_a_running_lane_dies_with_a_killed_worker(tmp_path: Path, fault: str) -> None:
    worker = _start(tmp_path, fault)
    _kill(worker, _heard(worker, "running"))


def test_what_an_engine_started_dies_with_a_killed_worker(tmp_path: Path) -> None:
    worker = _start(tmp_path, "child")
    left = _heard(worker, "left")
    _kill(worker, left, _heard(worker, "idle"))


def test_what_an_engine_detached_dies_with_a_killed_worker(tmp_path: Path) -> None:
    worker = _start(tmp_path, "detached")
    left = _heard(worker, "left")
    _kill(worker, left, _heard(worker, "idle"))


def test_a_guard_that_was_killed_is_replaced_with_the_next_lane(bench: LaneBench) -> None:
    bench.run("ok")
    (guard,) = _guards()
    guard.kill()
    eventually("the guard is dead", lambda: has_ended(guard))
    bench.lanes.unload()
    bench.run("ok")
    (replaced,) = _guards()
    assert replaced.pid != guard.pid


def _guards() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "guard.py" in command_line(child)]


def test_a_guard_that_was_killed_is_replaced_and_the_lanes_still_die_with_the_worker(
    tmp_path: Path,
) -> None:
    worker = _start(tmp_path, "child")
    lane = _heard(worker, "idle")
    first = _guard_of(worker)
    first.kill()
    eventually("another guard", lambda: (found := _guards_of(worker)) and first not in found)
    again = _guard_of(worker)
    again.kill()  # one that dies again is replaced after a pause
    eventually("a third guard", lambda: (found := _guards_of(worker)) and again not in found)
    _kill(worker, lane)


def _guards_of(worker: subprocess.Popen[str]) -> list[psutil.Process]:
    below = psutil.Process(worker.pid).children()
    return [process for process in below if "guard.py" in command_line(process)]


def _guard_of(worker: subprocess.Popen[str]) -> psutil.Process:
    def only_one() -> list[psutil.Process]:
        found = _guards_of(worker)
        return found if len(found) == 1 else []

    return eventually("a guard", only_one)[0]
