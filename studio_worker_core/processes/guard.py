"""The guard: a tiny process that outlives a killed worker just long enough to clean up.

The kernel ends an engine process with its worker (``PR_SET_PDEATHSIG``), but not the
processes that the engine started itself. The guard knows the lanes: the worker writes one
line for each that starts (``+ <group> <token>``) and ends (``- <group>``). When its standard
input closes, the worker is gone, and the guard kills the groups that are left, and every
process that still carries a lane's token in its environment.

Run as a plain script without site packages: standard library only, POSIX only.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

LANE_VARIABLE = "STUDIO_WORKER_LANE"


def main() -> None:
    """Watch standard input; never returns before it closes."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    lanes: dict[int, str] = {}
    for line in sys.stdin:
        match line.split():
            case ["+", group, token]:
                lanes[int(group)] = token
            case ["-", group]:
                lanes.pop(int(group), None)
    for group in lanes:
        kill_group(group)
    if lanes:
        kill_marked(set(lanes.values()))


def kill_group(group: int) -> None:
    """Kill a process group, if there is still one of that number."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def kill_marked(tokens: set[str]) -> list[int]:
    """Kill every process that carries one of the tokens in its environment (Linux)."""
    wanted = [f"{LANE_VARIABLE}={token}".encode() for token in tokens]
    killed = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(mark in variables for mark in wanted) and int(entry.name) != os.getpid():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
                killed.append(int(entry.name))
    return killed


if __name__ == "__main__":
    main()
