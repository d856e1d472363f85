"""Memory, of the GPU and the machine: weighed before a job is taken, freed before it runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from studio_worker_core.host.gpu import GpuMemory, admission, fits_beside
from studio_worker_core.host.main_memory import available_bytes, main_memory_admission
from studio_worker_core.jobs.job import Job
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.wire.models import ModelSource

log = logging.getLogger("studio_worker.worker")


class GpuBudget:
    """What the studio estimated for the models that our warm lanes hold.

    A warm lane's memory counts as free: it serves the same model again as it is, and is
    ended for another one that needs the room. The same holds for main memory under the
    ceiling, the most bytes of it that this worker may use.
    """

    def __init__(
        self,
        lanes: Lanes,
        threshold_gb: Callable[[], float],
        memory: Callable[[], GpuMemory | None],
        main_memory: Callable[[], int] = available_bytes,
        ceiling: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._lanes = lanes
        self._threshold_gb = threshold_gb
        self._memory = memory
        self._main_memory = main_memory
        self._ceiling = ceiling
        self._lock = threading.Lock()
        self._estimates: dict[tuple[str, str], float] = {}
        self._sources: dict[tuple[str, str], ModelSource] = {}

    def admission(self, job: Job) -> str | None:
        """Why ``job`` does not fit this machine now; None when it does."""
        full = self._main_memory_short(job)
        estimate = job.vram_gb_estimate
        if full is not None or estimate <= 0:
            return full
        memory, held = self._memory(), sum(self._held().values())
        reason = admission(estimate, self._threshold_gb(), memory, held_gb=held)
        if reason is None and memory is None:
            log.warning(
                "job %s: the free GPU memory cannot be measured; the job's %.1f GB are within "
                "vram_threshold_gb, which decides",
                *(job.job_id, estimate),
                extra={"job_id": job.job_id},
            )
        return reason

    def make_room(self, job: Job) -> None:
        """End the warm lanes of other models where ``job`` would not fit beside them."""
        wanted = (job.engine, job.model)
        estimate = job.vram_gb_estimate
        held = self._held()
        with self._lock:
            self._estimates[wanted] = estimate
        if estimate > 0 and held and wanted not in held:
            memory = self._memory()
            if memory is None:
                # Nobody can tell whether two fit: an engine has one model on the GPU then.
                engine = wanted[0]
                self._end([key for key, gb in held.items() if key[0] == engine and gb > 0], "GPU")
            elif not fits_beside(estimate, memory.free_gb):
                self._end(held, "GPU")
        if job.model_source.cli_defaults.offload_to_cpu:
            used = {(lane.engine, lane.model): lane.memory_bytes for lane in self._lanes.status()}
            if used and self._main_memory_short(job, sum(used.values())) is not None:
                self._end(used, "main")
        warm = self._lanes.warm()
        with self._lock:
            self._sources = {key: source for key, source in self._sources.items() if key in warm}
            self._sources[wanted] = job.model_source

    def _main_memory_short(self, job: Job, used: int = 0) -> str | None:
        wanted = (job.engine, job.model)
        with self._lock:
            source = self._sources.get(wanted)
        if source == job.model_source and wanted in self._lanes.warm():
            return None  # it is there already
        return main_memory_admission(
            job.model_source, self._main_memory, ceiling=self._ceiling(), anonymous=used
        )

    def _end(self, lanes: Iterable[tuple[str, str]], memory: str) -> None:
        for engine, model in lanes:
            log.info(
                "ending the warm lane of %s (%s): its %s memory is needed", engine, model, memory
            )
            self._lanes.unload(engine)

    def _held(self) -> dict[tuple[str, str], float]:
        warm = self._lanes.warm()
        with self._lock:
            self._estimates = {key: gb for key, gb in self._estimates.items() if key in warm}
            return dict(self._estimates)
