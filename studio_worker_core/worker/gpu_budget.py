"""Memory, of the GPU and the machine: weighed before a model is taken, freed before it loads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Protocol

from studio_worker_core.host.gpu import GpuMemory, admission, fits_beside
from studio_worker_core.host.main_memory import available_bytes, main_memory_admission
from studio_worker_core.host.memory_short import MemoryShort
from studio_worker_core.jobs.job import Job
from studio_worker_core.lanes.pool import Lanes
from studio_worker_core.wire.models import ModelSource
from studio_worker_core.worker.lane_estimates import Key, LaneEstimates

log = logging.getLogger("studio_worker.worker")

_READINGS = 20
_READING_SECONDS = 0.1
"""How often, and how far apart, a card is asked until it has taken back what was freed."""


class Need(Protocol):
    """A model that is to be loaded, for a job or to stay."""

    @property
    def engine(self) -> str:
        """The engine that loads it."""

    @property
    def model(self) -> str:
        """Its id."""

    @property
    def model_source(self) -> ModelSource:
        """Where it comes from."""

    @property
    def vram_gb_estimate(self) -> float:
        """Gigabytes of GPU memory it is said to take."""


class GpuBudget:
    """What the models that our lanes hold are said to take, and what is left beside them.

    The memory of a transient warm lane counts as free: it serves the same model again as it
    is, and is ended for another one that needs the room. A pinned one's does not: nothing
    ends it for a job. The same holds for main memory under the ceiling, the most bytes of it
    that this worker may use. A load that was admitted has its memory until it has ended.

    :param pause: waits so many seconds.
    """

    def __init__(
        self,
        lanes: Lanes,
        threshold_gb: Callable[[], float],
        memory: Callable[[], GpuMemory | None],
        main_memory: Callable[[], int] = available_bytes,
        ceiling: Callable[[], int | None] = lambda: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lanes = lanes
        self._threshold_gb = threshold_gb
        self._memory = memory
        self._main_memory = main_memory
        self._ceiling = ceiling
        self._pause = pause
        self._reserving = threading.Lock()
        self._lock = threading.Lock()
        self._estimates = LaneEstimates(lanes.warm)
        self._sources: dict[Key, ModelSource] = {}
        self._reserved: dict[Key, float] = {}

    def admission(self, job: Job, replaced: Collection[Key] = ()) -> str | None:
        """Why ``job`` does not fit this machine now; None when it does.

        :param replaced: engine and model of what will be unloaded for it.
        """
        short = self._shortage(job, replaced, frozenset())
        if short is not None:
            return short.message
        if job.vram_gb_estimate > 0 and self._memory() is None:
            log.warning(
                "job %s: the free GPU memory cannot be measured; the job's %.1f GB are within "
                "vram_threshold_gb, which decides",
                *(job.job_id, job.vram_gb_estimate),
                extra={"job_id": job.job_id},
            )
        return None

    def reserve(self, need: Need, replaced: Collection[Key] = ()) -> MemoryShort | None:
        """Set memory aside for a load until :meth:`settle`; what is short if that cannot be.

        :param replaced: engine and model of what will be unloaded first.
        """
        with self._reserving:  # one after another: two must not count the same room
            short = self._shortage(need, replaced, self._lanes.busy() - set(replaced))
            if short is None:
                with self._lock:
                    self._reserved[need.engine, need.model] = need.vram_gb_estimate
            return short

    def settle(self, need: Need) -> None:
        """The load of ``need`` has ended, or is not to be: its lane, if any, counts itself."""
        with self._lock:
            self._reserved.pop((need.engine, need.model), None)

    def make_room(self, need: Need, *, wait: bool = True) -> None:
        """End the transient lanes of other models where ``need`` would not fit beside them.

        :param wait: for a job that such a lane does; else that lane stays.

        Raises:
            InsufficientMemory: it does not fit even so, beside what is kept loaded.
        """
        wanted = (need.engine, need.model)
        held = self._estimates.held()
        self._estimates.note(wanted, need.vram_gb_estimate)
        pinned = self._lanes.pinned()
        others = {key: gb for key, gb in held.items() if key not in pinned and key != wanted}
        if need.vram_gb_estimate > 0 and wanted not in held:
            self._free_gpu(need, others, wait=wait)
            short = self._shortage(need, (), self._lanes.busy() - {wanted})
            if short is not None:
                raise short.error()
        if need.model_source.cli_defaults.offload_to_cpu:
            used = {
                (lane.engine, lane.model): lane.memory_bytes
                for lane in self._lanes.status()
                if not lane.pinned
            }
            if used and self._main_memory_short(need, sum(used.values())) is not None:
                self._end(used, "main", wait=wait)
        warm = self._lanes.warm()
        with self._lock:
            self._sources = {key: source for key, source in self._sources.items() if key in warm}
            self._sources[wanted] = need.model_source

    def _free_gpu(self, need: Need, others: Mapping[Key, float], *, wait: bool) -> None:
        memory = self._memory()
        if memory is None:
            # Nobody can tell whether two fit: an engine has one transient model on the GPU then.
            same = [key for key, gb in others.items() if key[0] == need.engine and gb > 0]
            self._end(same, "GPU", wait=wait)
        elif others and not self._fits(need, memory):
            self._end(others, "GPU", wait=wait)
            for _ in range(_READINGS):  # a driver takes memory back a moment after the exit
                memory = self._memory()
                if memory is None or self._fits(need, memory):
                    return
                self._pause(_READING_SECONDS)

    def _fits(self, need: Need, memory: GpuMemory) -> bool:
        reserved = sum(self._reserved_beside(need).values())
        return fits_beside(need.vram_gb_estimate, memory.free_gb - reserved)

    def _shortage(
        self, need: Need, replaced: Collection[Key], stays: Collection[Key]
    ) -> MemoryShort | None:
        short = self._main_memory_short(need)
        if short is not None or need.vram_gb_estimate <= 0:
            return short
        wanted = (need.engine, need.model)
        held, pinned = self._estimates.held(), self._lanes.pinned()
        given_back = {
            key
            for key in held
            if key == wanted or key in replaced or not (key in pinned or key in stays)
        }
        reserved = self._reserved_beside(need)
        coming = sum(reserved.values())
        kept = (gb for key, gb in held.items() if key not in given_back and key not in reserved)
        return admission(
            need.vram_gb_estimate,
            self._threshold_gb(),
            self._memory(),
            held_gb=sum(held[key] for key in given_back) - coming,
            kept_gb=sum(kept) + coming,
        )

    def _reserved_beside(self, need: Need) -> dict[Key, float]:
        with self._lock:
            reserved = dict(self._reserved)
        reserved.pop((need.engine, need.model), None)
        return reserved

    def _main_memory_short(self, need: Need, used: int = 0) -> MemoryShort | None:
        wanted = (need.engine, need.model)
        source = self._sources.get(wanted)
        if source == need.model_source and wanted in self._lanes.warm():
            return None  # it is there already
        return main_memory_admission(
            need.model_source, self._main_memory, ceiling=self._ceiling(), anonymous=used
        )

    def _end(self, lanes: Iterable[Key], memory: str, *, wait: bool) -> None:
        for engine, model in lanes:
            log.info(
                "ending the warm lane of %s (%s): its %s memory is needed", engine, model, memory
            )
            self._lanes.unload(engine, model, wait=wait)
