"""Why a process died, in words an operator can act on."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import psutil

from studio_worker_core.host.control_groups import memory_limit
from studio_worker_core.processes.exit_codes import CLOSED_CHANNEL

_SHOWN_LINES = 6
_SHOWN_CHARACTERS = 1500
_NEAR = 0.8

_MEANINGS = {
    "SIGSEGV": "segmentation fault",
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
    "SIGSYS": "forbidden system call",
}


def cause_of_death(returncode: int, *, out_of_memory: bool, output: Sequence[str]) -> str:
    """One sentence and the last lines the process printed.

    :param returncode: as :class:`subprocess.Popen` gives it, negative for a signal.
    :param out_of_memory: the kernel killed something for want of memory meanwhile, or the
        process was near the limit; tells apart the reasons of a SIGKILL.
    """
    cause = _sentence(returncode, out_of_memory=out_of_memory)
    shown = "\n".join(output[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:].strip()
    return f"{cause}; last output:\n{shown}" if shown else cause


def _sentence(returncode: int, *, out_of_memory: bool) -> str:
    if returncode == CLOSED_CHANNEL:
        return "its process closed the control channel"
    if returncode >= 0:
        return f"its process exited with code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    if name == "SIGKILL" and out_of_memory:
        return "its process was killed (SIGKILL), probably out of memory"
    meaning = _MEANINGS.get(name)
    return f"its process was killed by {name}" + (f" ({meaning})" if meaning else "")


def oom_kills(root: Path = Path("/")) -> int:
    """How many processes the kernel has killed for want of memory so far; 0 where unknown."""
    return _counter(root / "proc/vmstat", "oom_kill") + sum(
        _counter(path, "oom_kill") for path in _memory_event_files(root)
    )


def memory_is_short(resident_bytes: int, root: Path = Path("/")) -> bool:
    """Whether a process of that size was near what this machine or its container allows."""
    allowed = psutil.virtual_memory().total
    limit = memory_limit(root)
    if limit is not None:
        allowed = min(allowed, limit)
    return resident_bytes > allowed * _NEAR


def _memory_event_files(root: Path) -> list[Path]:
    """``memory.events`` of the control group this process is in (cgroup v2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = [line.partition("::")[2] for line in lines if line.startswith("0::")]
    return [root / "sys/fs/cgroup" / group.strip("/") / "memory.events" for group in groups]


def _counter(path: Path, name: str) -> int:
    try:
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        return 0
    return 0
