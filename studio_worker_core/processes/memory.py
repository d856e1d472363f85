"""The memory of one process and what it started, at a cost that no other process adds to."""

from __future__ import annotations

import contextlib
import os

import psutil


def family(pid: int) -> list[int]:
    """The process and everything it started that has not been handed to another parent.

    On Linux the kernel is asked for the children of each thread. Elsewhere, and where it
    keeps no such list, every process of the machine is looked at.
    """
    found = [pid]
    try:
        for each in found:  # grows as it is walked
            found.extend(_children(each))
    except NotImplementedError:
        with contextlib.suppress(psutil.Error):
            below = psutil.Process(pid).children(recursive=True)
            return [pid, *(process.pid for process in below)]
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of :func:`family`; 0 once it has gone."""
    total = 0
    for each in family(pid):
        with contextlib.suppress(psutil.Error):
            total += psutil.Process(each).memory_info().rss
    return total


def _children(pid: int) -> list[int]:
    """Raises NotImplementedError where the kernel does not say."""
    tasks = f"/proc/{pid}/task"
    found: list[int] = []
    try:
        threads = os.listdir(tasks)  # noqa: PTH208 - no paths are wanted, and it is asked often
    except OSError as error:
        if os.path.isdir("/proc/self/task"):  # noqa: PTH112
            return []  # it has ended
        raise NotImplementedError from error
    for thread in threads:
        try:
            with open(f"{tasks}/{thread}/children", "rb") as file:  # noqa: PTH123
                found.extend(map(int, file.read().split()))
        except FileNotFoundError as error:
            if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):  # noqa: PTH110
                raise NotImplementedError from error
        except OSError:
            continue  # it ended while it was asked
    return found
