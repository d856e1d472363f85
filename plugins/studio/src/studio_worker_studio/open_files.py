"""How many files and sockets this process may have open."""

from __future__ import annotations

import contextlib
import sys

_WANTED = 65_536


def raise_limit(wanted: int = _WANTED) -> int | None:
    """Raise the limit as far as the system allows, at most to ``wanted``. Answers what it is
    now; None where there is none."""
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    target = wanted if hard == infinite else min(wanted, hard)
    if soft != infinite and soft < target:
        with contextlib.suppress(OSError, ValueError):  # a system's own limit may be lower still
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if now == infinite else now
