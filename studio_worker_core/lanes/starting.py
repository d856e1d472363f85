"""What an engine process is started with."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from studio_worker_core.lanes.request import LoadRequest
from studio_worker_core.processes.environment import plugin_environment


def environment_of(request: LoadRequest, variables: Sequence[str]) -> dict[str, str]:
    """Its environment: the usual variables, those named, and the slot's."""
    foreign = request.entry.interpreter is not None
    return plugin_environment(extra=variables, foreign=foreign) | dict(request.environment)


def search_path_of(request: LoadRequest) -> list[str]:
    """Where it looks for packages: as the worker does, unless it has its own place."""
    if request.entry.interpreter is not None:
        return []
    return [path for path in sys.path if path]
