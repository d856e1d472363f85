"""GPU memory, weighed before a job is taken and made free before it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from studio_worker_core.engines.lanes import Lanes
from studio_worker_core.host.gpu import GpuMemory, admission
from studio_worker_core.wire.frames import Claim

__all__ = ["GpuBudget"]

log = logging.getLogger("studio_worker.worker")


class GpuBudget:
    """What the studio estimated for the models that our warm lanes hold.

    A warm lane's memory counts as free: it serves the same model again as it is, and is
    ended for another one that needs the room.
    """

    def __init__(
        self,
        lanes: Lanes,
        threshold_gb: Callable[[], float],
        memory: Callable[[], GpuMemory | None],
    ) -> None:
        self._lanes = lanes
        self._threshold_gb = threshold_gb
        self._memory = memory
        self._lock = threading.Lock()
        self._estimates: dict[tuple[str, str], float] = {}

    def admission(self, claim: Claim) -> str | None:
        """Why ``claim`` does not fit this machine now; None when it does."""
        estimate = claim.vram_gb_estimate
        if estimate <= 0:
            return None
        held = sum(self._held().values())
        return admission(estimate, self._threshold_gb(), self._memory(), held_gb=held)

    def make_room(self, claim: Claim) -> None:
        """End the warm lanes of other models where ``claim`` would not fit beside them."""
        wanted = (claim.model_source.engine, claim.model)
        estimate = claim.vram_gb_estimate
        held = self._held()
        with self._lock:
            self._estimates[wanted] = estimate
        memory = self._memory() if estimate > 0 and held.keys() - {wanted} else None
        if memory is None or wanted in held or estimate <= memory.free_gb:
            return
        for engine, model in held:
            log.info("ending the warm lane of %s (%s): its GPU memory is needed", engine, model)
            self._lanes.unload(engine)

    def _held(self) -> dict[tuple[str, str], float]:
        warm = {(lane.engine, lane.model) for lane in self._lanes.status()}
        with self._lock:
            self._estimates = {key: gb for key, gb in self._estimates.items() if key in warm}
            return dict(self._estimates)
