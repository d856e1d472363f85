"""What an engine process costs: start, warm job, recovery after a crash, memory given back.

Run ``python bench/lanes.py [--rounds 9]``. The fault engine does next to nothing, so the
times are those of the lane. The baseline is ``python -c pass``, started and waited for in the
same run. Prints medians, and ratios to the baseline; then resident memory of the engine
process with a 200 MB model, and of everything that is left after its lane was unloaded.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from studio_worker_core.errors import EngineFailed
from tests.support.lane_bench import LaneBench

MEBIBYTE = 1024 * 1024


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _recovery(bench: LaneBench) -> float:
    """From the crash of a warm engine to the end of the next job, in milliseconds."""
    bench.run("ok")
    started = time.perf_counter()
    try:
        bench.run("crash:segv")
    except EngineFailed:
        bench.run("ok")
        return (time.perf_counter() - started) * 1000
    raise AssertionError("it did not crash")


def _cold(bench: LaneBench) -> float:
    bench.lanes.unload()
    return _timed(lambda: bench.run("ok"))


def _below() -> int:
    """Resident bytes of all processes below this one."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        total += process.memory_info().rss
    return total


def _memory(bench: LaneBench) -> tuple[float, float, float]:
    bench.lanes.unload()
    before = _below()
    bench.run("ok", model="fault-ballast")
    loaded = _below()
    bench.lanes.unload()
    return before / MEBIBYTE, loaded / MEBIBYTE, _below() / MEBIBYTE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = range(parser.parse_args().rounds)
    with tempfile.TemporaryDirectory() as root:
        bench = LaneBench(Path(root))
        with bench.lanes:
            bench.run("ok")
            bare = [
                _timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
                for _ in rounds
            ]
            rows = {
                "python -c pass": bare,
                "warm job": [_timed(lambda: bench.run("ok")) for _ in rounds],
                "cold job (start, load, job)": [_cold(bench) for _ in rounds],
                "crash, then the next job": [_recovery(bench) for _ in rounds],
            }
            baseline = statistics.median(bare)
            print(f"{'':<28} {'median ms':>10} {'ratio':>7}")
            for name, times in rows.items():
                median = statistics.median(times)
                print(f"{name:<28} {median:10.1f} {median / baseline:6.2f}x")
            figures = [_memory(bench) for _ in rounds]
            medians = [statistics.median(column) for column in zip(*figures, strict=True)]
            names = ("before (the guard)", "with a 200 MB model", "after the unload")
            print(f"\n{'':<28} {'RSS MiB':>10}")
            for name, value in zip(names, medians, strict=True):
                print(f"{name:<28} {value:10.1f}")
            given = (medians[1] - medians[2]) / max(medians[1] - medians[0], 1e-9)
            print(f"{'given back':<28} {given:10.0%}")


if __name__ == "__main__":
    main()
