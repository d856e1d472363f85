"""What an engine process is started with."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from studio_worker_core.lanes.request import LoadRequest
from studio_worker_core.processes.environment import plugin_environment

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""For glibc, in bytes; others do not look. By itself it gives a freed array of some MB back to the
system, and the next one is paid for again, page by page: a third of the time of an engine that
draws with numpy. A lane is there to work and to be ended for its memory."""


def environment_of(request: LoadRequest, variables: Sequence[str]) -> dict[str, str]:
    """Its environment: the usual variables, those named, and the slot's."""
    foreign = request.entry.interpreter is not None
    usual = plugin_environment(extra=variables, foreign=foreign)
    return ALLOCATOR | usual | dict(request.environment)


def search_path_of(request: LoadRequest) -> list[str]:
    """Where it looks for packages: as the worker does, unless it has its own place."""
    if request.entry.interpreter is not None:
        return []
    return [path for path in sys.path if path]
