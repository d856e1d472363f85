"""The most memory this process held during a job: for the engine's process itself."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def begin() -> None:
    """Count from now on, where the system can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _RESET.write_bytes(b"5")


def peak_bytes() -> int | None:
    """The most bytes of it that were in memory since :func:`begin`, or since its start where
    the system counts from there; None where it does not count."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            for line in _STATUS.read_bytes().splitlines():
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    elif sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
