"""What an engine process is started with."""

from __future__ import annotations

import sys

from msgspec.structs import replace

from studio_worker_core.engine_setup.places import place_variables, seen_from_inside
from studio_worker_core.lanes import protocol
from studio_worker_core.lanes.request import LoadRequest
from studio_worker_core.processes.environment import plugin_environment

ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}
"""For glibc, in bytes; others do not look. By itself it gives a freed array of some MB back to the
system, and the next one is paid for again, page by page: a third of the time of an engine that
draws with numpy. A lane is there to work and to be ended for its memory."""


def environment_of(request: LoadRequest) -> dict[str, str]:
    """Its environment: the usual variables, those named, the slot's, and what says where it
    works.

    Raises:
        EngineFailed: the card that it is to work on is not to be seen.
    """
    setup, foreign = request.setup, request.entry.interpreter is not None
    usual = plugin_environment(extra=setup.variables, foreign=foreign) | dict(request.environment)
    return ALLOCATOR | usual | place_variables(setup.place, usual)


def first_order(request: LoadRequest) -> protocol.Load:
    """The first message to it."""
    spec, setup = request.entry.spec, request.setup
    assert spec is not None
    return protocol.Load(
        spec.factory,
        replace(request.model, place=seen_from_inside(setup.place)),
        _search_path(request),
        settings=dict(setup.settings),
        settings_type=spec.settings,
    )


def _search_path(request: LoadRequest) -> list[str]:
    """Where it looks for packages: as the worker does, unless it has its own place."""
    if request.entry.interpreter is not None:
        return []
    return [path for path in sys.path if path]
