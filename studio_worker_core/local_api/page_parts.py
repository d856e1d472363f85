"""What the page shows beside the jobs it starts. Loads nothing of a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from studio_worker_core.lanes.lane_status import LaneStatus
from studio_worker_core.local_api.daemon import Daemon
from studio_worker_core.local_api.history import JobHistory
from studio_worker_core.local_api.model_host import ModelHost
from studio_worker_core.models.store import ModelStore


class ModelParts(Struct, frozen=True):
    """The models of this worker."""

    host: ModelHost
    files: Callable[[], ModelStore]
    """Those of the models folder as it is set now."""
    lanes: Callable[[], Sequence[LaneStatus]]
    """What is in memory; measures it."""
    engines: Callable[[], Sequence[str]]
    """The engines that are ready, by name."""


class PageParts(Struct, frozen=True):
    """A view of what is not there is not there either."""

    daemon: Daemon | None = None
    history: JobHistory | None = None
    models: ModelParts | None = None


NO_PARTS = PageParts()
