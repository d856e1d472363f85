"""Having one model loaded in a lane that stays, and unloaded again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from studio_worker_core.errors import (
    EngineMissing,
    JobCancelled,
    JobError,
    ModelDisabled,
    ModelStoreError,
    ModelUnknown,
)
from studio_worker_core.host.memory_short import MemoryShort
from studio_worker_core.lanes.model_identity import ModelIdentity, model_identity
from studio_worker_core.lanes.request import LoadRequest, OnLog
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.plugin import Model
from studio_worker_core.roster.roster import Roster
from studio_worker_core.wire.models import ModelSource

_log = logging.getLogger("studio_worker.residency")

LaneName = tuple[str, str]
"""Engine and model."""


class ModelToLoad(Struct, frozen=True):
    """What the memory is weighed for."""

    model: str
    model_source: ModelSource
    vram_gb_estimate: float

    @property
    def engine(self) -> str:
        """The engine that loads it."""
        return self.model_source.engine

    @classmethod
    def of(cls, entry: CatalogueEntry) -> ModelToLoad:
        """The model of an entry."""
        return cls(entry.id, entry.source, entry.vram_gb_estimate)


class Memory(Protocol):
    """What the host needs of the memory budget."""

    def reserve(self, need: ModelToLoad, replaced: Collection[LaneName] = ()) -> MemoryShort | None:
        """Set memory aside until :meth:`settle`; what is short if that cannot be."""

    def settle(self, need: ModelToLoad) -> None:
        """The load has ended, or is not to be."""

    def make_room(self, need: ModelToLoad, *, wait: bool) -> None:
        """End what is in its way and does no work. Raises InsufficientMemory."""


class Files(Protocol):
    """What the host needs of the model store."""

    def ensure(
        self, source: ModelSource, model: str, *, cancel: threading.Event | None = None
    ) -> Mapping[str, tuple[Path, ...]]:
        """Role → files of a model; downloads what is missing."""


class HostLanes(Protocol):
    """What the host needs of the lanes."""

    def load(self, request: LoadRequest, *, cancel: threading.Event, on_log: OnLog) -> None:
        """Have a model loaded; raises JobError."""

    def pin(self, engine: str, model: str) -> None:
        """Keep its lanes warm."""

    def unpin(self, engine: str, model: str) -> None:
        """Let them be ended for others."""

    def unload(self, engine: str, model: str) -> None:
        """End them, after the job that runs there."""

    def tidy(self) -> None:
        """Strike off those whose process is gone."""

    def unload_idle(self, seconds: float) -> list[LaneName]:
        """End the transient lanes without a job for so long."""

    def warm(self) -> set[LaneName]:
        """Engine and model of every lane there is."""


class Loader:
    """Loads and unloads models of the catalogue, one call for each."""

    def __init__(
        self,
        lanes: HostLanes,
        roster: Roster,
        files: Files,
        memory: Memory,
    ) -> None:
        self._lanes = lanes
        self._roster = roster
        self._files = files
        self._memory = memory

    def can_load(self, entry: CatalogueEntry) -> bool:
        """Whether there is an engine for this model."""
        engine = self._roster.find(entry.source.engine)
        if engine is None or not engine.ready or not entry.enabled:
            return False
        kinds = engine.kinds if entry.kind is None else (entry.kind,)
        return any(engine.serves(kind, entry.id) for kind in kinds)

    def load(self, entry: CatalogueEntry, cancel: threading.Event) -> tuple[Model, ModelIdentity]:
        """Have the model loaded in a lane that stays; its memory is settled however it ends. What
        it was loaded from is the answer.

        Raises:
            JobError, ModelStoreError, OSError: it is not loaded; JobCancelled: ``cancel`` was set.
        """
        need = ModelToLoad.of(entry)
        try:
            short = self._memory.reserve(need)
            if short is not None:
                raise short.error()
            engine = self._roster.find(need.engine)
            if engine is None:
                raise EngineMissing(f"engine '{need.engine}' is not installed on this worker")
            source = entry.source
            files = self._files.ensure(source, entry.id, cancel=cancel)
            self._memory.make_room(need, wait=False)
            self._lanes.pin(need.engine, need.model)
            model = Model(entry.id, files, source.cli_defaults)
            identity = model_identity(model)
            request = LoadRequest(entry=engine, model=model)
            try:
                self._lanes.load(request, cancel=cancel, on_log=_logged(need.engine))
            except BaseException:
                self._lanes.unpin(need.engine, need.model)
                raise
            return model, identity
        finally:
            self._memory.settle(need)

    def unload(self, engine: str, model: str) -> None:
        """End the model's lanes; a job that runs there is waited for."""
        self._lanes.unpin(engine, model)
        self._lanes.unload(engine, model)


def outcome_of(load: Callable[[], None], model: str) -> tuple[str | None, bool]:
    """Why ``load`` failed, if it did, and whether it ended for nothing but being called off."""
    try:
        load()
    except JobCancelled:
        return None, True
    except (JobError, ModelStoreError, ModelUnknown, ModelDisabled) as failed:
        return str(failed), False
    except OSError as failed:
        return f"the worker's disk failed the load: {failed.strerror or failed}", False
    except Exception as failed:
        # Libraries and drivers are asked here; the host answers for every load.
        _log.exception("%s: the load failed for a reason of our own", model)
        return f"internal error of the worker: {failed}", False
    return None, False


def _logged(engine: str) -> Callable[[str, str], None]:
    logger = logging.getLogger("studio_worker.engines.output")

    def log(level: str, message: str) -> None:
        number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
        logger.log(number, "%s: %s", engine, message[:_LONGEST_LINE], extra={"engine": engine})

    return log


_LONGEST_LINE = 4000
