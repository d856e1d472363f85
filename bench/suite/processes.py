"""Whole processes: their time, their own processor time, their memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import psutil
from msgspec import Struct

_MEBIBYTE = 1024 * 1024

# The kernel counts what a process had before it became another program. So this small one
# starts the command, not the benchmark with all it has loaded.
_STARTER = """
import json, os, sys, time
command = sys.argv[1:]
started = time.perf_counter()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - started
told = [wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)]
print(json.dumps(told), file=sys.stderr)
"""


class Ended(Struct, frozen=True):
    """One process from start to end."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    code: int


def timed(command: Sequence[str], environ: Mapping[str, str]) -> Ended:
    """Run a command to its end; what it prints is thrown away."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _STARTER, *command],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    wall, cpu, peak, code = json.loads(ran.stderr.splitlines()[-1])
    return Ended(wall * 1000, cpu * 1000, peak / 1024, code)


def cpu_ms(pid: int) -> float:
    """Processor time of a process so far, all threads, in milliseconds."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # the clock of another process (clock_getcpuclockid)
            return time.clock_gettime((~pid) << 3 | 2) * 1000
    used = psutil.Process(pid).cpu_times()
    return (used.user + used.system) * 1000


def family_cpu_ms(pid: int) -> float:
    """The same with all that it started and that still runs."""
    total = cpu_ms(pid)
    for below in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error, OSError):
            total += cpu_ms(below.pid)
    return total


def resident_mb(pid: int) -> float:
    """Resident memory of a process alone."""
    return float(psutil.Process(pid).memory_info().rss / _MEBIBYTE)


def free_of_settings() -> dict[str, str]:
    """The environment without what would change a worker."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("STUDIO_WORKER_") and name != "RUST_LOG"
    }
