"""Waiting for what another process does, among processes and files that come and go."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")


def eventually(
    what: str, probe: Callable[[], T | None], *, timeout: float = 90.0, interval: float = 0.02
) -> T:
    """Ask ``probe`` until it answers something true; for state only another process knows.

    Raises:
        AssertionError: not within ``timeout`` seconds; says ``what`` and the last answer.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what} (last answer: {answer!r})")
        pause.wait(interval)


def has_ended(process: psutil.Process | int) -> bool:
    """Whether a process, or the one with this id, works no more; one that nobody has reaped
    has ended, too."""
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return not found.is_running() or found.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def command_line(process: psutil.Process) -> str:
    """The words of its command, joined by spaces; none when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def files_below(directory: Path) -> list[Path]:
    """Every file in a directory and those below it, while others make and remove them."""
    return sorted(Path(place, name) for place, _, names in os.walk(directory) for name in names)
