"""What the control groups of a container or a service allow (Linux, versions 1 and 2).

A group is bound by every group above it, so all of them are looked at; their number is the depth
of the hierarchy. In a container the groups above are not seen, or the own one is seen at the root
of the mount: what is there of the path counts.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_UNBOUNDED = 2**60
"""Version 1 says "no limit" by a number near 2⁶³."""


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes of main memory that this process and its neighbours may use; None without a bound."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_left(root: Path = Path("/")) -> int | None:
    """Bytes of main memory that are left below the nearest bound, never below 0; None without a
    bound. What the group keeps of files counts as left: the kernel gives it back when asked.
    """
    return min((max(limit - used, 0) for limit, used in _memory(root)), default=None)


def usable_cpus(root: Path = Path("/")) -> int:
    """How many threads can run at once: processors this process may use, within its quota."""
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return max(1, min([processors, *(math.ceil(share) for share in _quotas(root))]))


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """Bound and use of each group that has a bound."""
    for group in _groups(root, ""):
        limit, used = _number(group / "memory.max"), _number(group / "memory.current")
        if limit is not None and used is not None:
            files = _counted(group / "memory.stat", ("inactive_file", "active_file"))
            yield limit, used - files
    for group in _groups(root, "memory"):
        limit = _number(group / "memory.limit_in_bytes")
        used = _number(group / "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < _UNBOUNDED:
            files = _counted(group / "memory.stat", ("total_inactive_file", "total_active_file"))
            yield limit, used - files


def _quotas(root: Path) -> Iterator[float]:
    for group in _groups(root, ""):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)
    for group in _groups(root, "cpu"):
        allowed = _number(group / "cpu.cfs_quota_us")
        period_us = _number(group / "cpu.cfs_period_us")
        if allowed is not None and allowed > 0 and period_us:
            yield allowed / period_us


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The directories of the group that this process is in and of those above it; an empty
    ``controller`` asks for version 2."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup"
        if controller:
            mounts = [mount / name for name in (controllers, controller)]
            mount = next((each for each in mounts if each.is_dir()), mounts[0])
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        for depth in reversed(range(len(parts) + 1)):
            yield mount.joinpath(*parts[:depth])
        return


def _counted(path: Path, names: tuple[str, ...]) -> int:
    counts = dict(line.partition(" ")[::2] for line in _text(path).splitlines())
    return sum(int(counts[name]) for name in names if counts.get(name, "").isdecimal())


def _number(path: Path) -> int | None:
    """A count in a file of its own; None where it is not there, or no number ("max")."""
    try:
        return int(_text(path))
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
