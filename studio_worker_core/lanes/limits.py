"""How long an engine has to obey, and what goes beyond the limits of a job, in words."""

from __future__ import annotations

import os
from pathlib import Path

from studio_worker_core.config import Limits
from studio_worker_core.lanes.outcomes import Faulted

ASK_SECONDS = 1.0
"""How long a job that was asked to stop may go on before SIGTERM."""

FORCE_SECONDS = 0.5
"""From SIGTERM to SIGKILL."""

GIVE_UP_SECONDS = 10.0
"""After SIGKILL: a process stuck in the kernel is left behind, the worker goes on."""


def too_long_to_load(limits: Limits, seconds: float) -> Faulted | None:
    """For a model that has been loading for ``seconds``."""
    if not _over(seconds, limits.load_seconds):
        return None
    text = f"loading the model took longer than {limits.load_seconds:g} s (limits.load_seconds)"
    return Faulted("timeout", text, crash=True)


def too_slow(limits: Limits, silent: float, working: float) -> Faulted | None:
    """For an engine silent for so many of its ``working`` seconds."""
    if _over(silent, limits.idle_seconds):
        text = f"no progress for {limits.idle_seconds:g} s (limits.idle_seconds)"
        return Faulted("timeout", text, crash=True)
    if _over(working, limits.total_seconds):
        text = f"took longer than {limits.total_seconds:g} s (limits.total_seconds)"
        return Faulted("timeout", text)
    return None


def too_big(limits: Limits, *, memory_gb: float, output_mb: float) -> Faulted | None:
    """For the resident memory of a lane and what it has written of its result."""
    if _over(memory_gb, limits.memory_gb):
        text = (
            f"used {memory_gb:.2f} GB of memory, more than the {limits.memory_gb:g} GB "
            "allowed (limits.memory_gb)"
        )
        return Faulted("engine", text)
    if _over(output_mb, limits.output_mb):
        text = (
            f"wrote {output_mb:.0f} MB, more than the {limits.output_mb:g} MB allowed "
            "(limits.output_mb)"
        )
        return Faulted("engine", text)
    return None


def size_of(directory: Path) -> int:
    """Bytes of the files in ``directory``, for as much of it as can be seen."""
    total = 0
    try:
        with os.scandir(directory) as found:
            for item in found:
                total += item.stat(follow_symlinks=False).st_size
    except OSError:
        return total
    return total


def _over(value: float, limit: float) -> bool:
    return limit > 0 and value > limit
