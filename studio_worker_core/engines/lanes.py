"""Lanes: one engine process each, with at most one model loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable

from studio_worker_core.config import Limits
from studio_worker_core.engines.work import (
    FileResult,
    JsonResult,
    LaneRequest,
    OnLog,
    OnProgress,
    Result,
)

__all__ = ["FileResult", "JsonResult", "LaneRequest", "Lanes", "Result"]


class Lanes:
    """All lanes of this worker. Safe to use from any thread."""

    def __init__(self, limits: Callable[[], Limits], *, keep_warm: int = 2) -> None:
        raise NotImplementedError

    def run(
        self,
        request: LaneRequest,
        *,
        cancel: threading.Event,
        on_progress: OnProgress,
        on_log: OnLog,
    ) -> Result:
        """Do one job. Raises subclasses of JobError and nothing else."""
        raise NotImplementedError

    def withdrawn(self) -> frozenset[str]:
        """Engines whose lanes crashed repeatedly, for as long as they are kept out."""
        raise NotImplementedError

    def unload(self, engine: str | None = None) -> None:
        """End the warm lane of an engine, or all of them; their memory is returned."""
        raise NotImplementedError

    def close(self) -> None:
        """End everything. A running job fails as cancelled."""
        raise NotImplementedError
