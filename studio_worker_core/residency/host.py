"""The model host: what is wished, where each model is, and the threads that see to it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial

from studio_worker_core.errors import (
    ModelDisabled,
    ModelStoreError,
    ModelUnknown,
    ResidencyNotSaved,
)
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.residency import Residency
from studio_worker_core.residency import machine
from studio_worker_core.residency.groups import transient_of_group
from studio_worker_core.residency.hosted import HostedModel, View
from studio_worker_core.residency.loading import (
    HostLanes,
    LaneName,
    Loader,
    Memory,
    ModelToLoad,
    outcome_of,
)
from studio_worker_core.residency.machine import Models, Phase
from studio_worker_core.wire.models import ModelSource

_log = logging.getLogger("studio_worker.residency")

_GONE = "its engine process has ended; the next job or load starts it again"


class ModelHost:
    """Keeps models loaded. Any thread may call; :meth:`run_loads` and :meth:`run_unloads` are
    the bodies of two threads, so that a long load keeps nothing from being unloaded.

    The state is replaced as a whole: who only looks at it waits for nobody.

    :param now: seconds since 1970.
    :param changed: called after a model has come somewhere else, with the host's lock held; it
        returns at once.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        residency: Residency,
        lanes: HostLanes,
        loader: Loader,
        memory: Memory,
        now: Callable[[], float] = time.time,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._changed = changed
        self._catalogue = catalogue
        self._residency = residency
        self._lanes = lanes
        self._loader = loader
        self._memory = memory
        self._stopping = threading.Event()
        self._now = now
        self._changing = threading.RLock()
        self._models = Models()
        self._engines: dict[str, str] = {}  # of what is in memory, or about to be
        self._sources: dict[str, ModelSource] = {}  # of what was loaded last
        self._reserved: dict[str, ModelToLoad] = {}  # of loads that were asked for
        self._cancels: dict[str, threading.Event] = {}  # of the one that has
        self._view = View(lanes, loader, now)
        self._loads: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._unloads: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def models(self) -> list[HostedModel]:
        """Every model of the catalogue, in its order. Reads a file."""
        return self._view.of(self._models, self._catalogue.entries())

    def find(self, model: str) -> HostedModel:
        """One model. Reads a file. Raises :class:`.ModelUnknown`."""
        return self._view.of(self._models, [self._entry(model)])[0]

    def has_loaded(self, model: str, source: ModelSource) -> bool:
        """Whether the model is loaded to stay, from this very source; answers from memory."""
        held = self._models.held.get(model)
        return (
            held is not None
            and held.phase is Phase.LOADED
            and self._sources.get(model) == source
            and (source.engine, model) in self._lanes.warm()
        )

    def load(self, model: str) -> HostedModel:
        """Have it loaded, and kept so, also after a restart; back at once.

        Raises:
            ModelUnknown, ModelDisabled: it cannot be.
            InsufficientMemory: it does not fit beside what is loaded; nothing is changed.
            ResidencyNotSaved: the wish cannot be kept; nothing is changed.
        """
        with self._changing:
            entry = self._entry(model)
            if not entry.enabled:
                raise ModelDisabled(model)
            need = ModelToLoad.of(entry)
            held = self._models.held.get(model)
            begins = held is None or held.phase not in (Phase.LOADING, Phase.LOADED)
            if begins:
                short = self._memory.reserve(need, self._of_group(entry))
                if short is not None:
                    raise short.error()
                self._reserved[model] = need
            try:
                for other in transient_of_group(entry, self._catalogue, self._lanes):
                    self._unload(other)
                self.feed(machine.LoadAsked(self._now(), model, entry.exclusive_group))
            finally:
                self._settle_what_waits_no_more()
            return self.find(model)

    def unload(self, model: str) -> HostedModel:
        """Have it unloaded, and no longer kept; back at once. What does its job ends that first.

        Raises:
            ModelUnknown: there is none.
            ResidencyNotSaved: the wish cannot be kept; nothing is changed.
        """
        with self._changing:
            self._unload(self._entry(model))
            return self.find(model)

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` to the catalogue, or replace the one of its id. What is loaded under it
        stays until it is asked for again. Raises :class:`.ModelStoreError`."""
        self._catalogue.put(entry)

    def delete(self, model: str) -> bool:
        """Take a model out of the catalogue and have it unloaded; its files stay. False where
        there is none. Raises :class:`.ModelStoreError`."""
        with self._changing:
            was_there = self._catalogue.remove(model)
            self.feed(machine.Dropped(self._now(), model))
            if was_there:
                self._residency.forget(model)
            return was_there

    def restore(self) -> None:
        """Load what is wished, in the order of the catalogue; what fails is shown."""
        try:
            wished = self._residency.resident()
            entries = [entry for entry in self._catalogue.entries() if entry.id in wished]
        except ModelStoreError as error:
            _log.warning("no model is loaded at the start: %s", error)
            return
        for entry in entries:
            asked = machine.LoadAsked(self._now(), entry.id, entry.exclusive_group)
            self.feed_kept(asked)

    def run_loads(self) -> None:
        """Load one model after another, until :meth:`close`; the body of a thread."""
        while (model := self._loads.get()) is not None:
            self._load(model)

    def run_unloads(self) -> None:
        """Unload one model after another, until :meth:`close`; the body of a thread."""
        while (model := self._unloads.get()) is not None:
            self._loader.unload(self._engines.get(model, ""), model)
            with self._changing:
                self._engines.pop(model, None)
                self._sources.pop(model, None)
                self.feed_kept(machine.UnloadEnded(self._now(), model))

    def close(self) -> None:
        """End both threads: a load under way is given up, an unload awaited."""
        with self._changing:
            self._stopping.set()
            for cancel in self._cancels.values():
                cancel.set()
        self._loads.put(None)
        self._unloads.put(None)

    def compare(self) -> None:
        """Look whether what is loaded still is, and still known; see :class:`.Watching`."""
        with self._changing:
            warm = self._lanes.warm()
            for model, held in self._models.held.items():
                lane = (self._engines.get(model, ""), model)
                if held.phase is Phase.LOADED and lane not in warm:
                    _log.warning("%s is loaded no more: %s", model, _GONE)
                    self.feed_kept(machine.Lost(self._now(), model, _GONE))
                elif held.phase is Phase.FAILED and held.resident and lane in warm:
                    self._lanes.pin(*lane)
                    self.feed_kept(machine.Found(self._now(), model))

    def drop_unknown(self) -> None:
        """Have unloaded what is in the catalogue no more. Reads a file."""
        known = {entry.id for entry in self._catalogue.entries()}
        for model in self._models.held.keys() - known:
            self.feed_kept(machine.Dropped(self._now(), model))

    def feed(self, event: machine.Event) -> None:
        """Let ``event`` happen. Raises :class:`.ResidencyNotSaved`: then it has not."""
        with self._changing:
            before = self._models
            after, effects = machine.step(before, event)
            if machine.Save() in effects:
                self._save(before, after)
            self._models = after
            for effect in effects:
                match effect:
                    case machine.Load(model=model):
                        self._loads.put(model)
                    case machine.Unload(model=model):
                        self._unloads.put(model)
                    case machine.CallOff(model=model) if model in self._cancels:
                        self._cancels[model].set()
            self._settle_what_waits_no_more()
            if after != before:
                self._changed()

    def feed_kept(self, event: machine.Event) -> None:
        """Let ``event`` happen, which no disk can keep from it."""
        try:
            self.feed(event)
        except ResidencyNotSaved as error:
            _log.warning("%s", error)

    def _settle_what_waits_no_more(self) -> None:
        for model in list(self._reserved):
            held = self._models.held.get(model)
            if held is None or held.phase is not Phase.LOADING:
                self._settle(model)

    def _load(self, model: str) -> None:
        cancel = self._begun(model)
        error, called_off = outcome_of(partial(self._load_now, model, cancel), model)
        if error is not None:
            _log.warning("%s is not loaded: %s", model, error)
        with self._changing:
            del self._cancels[model]
            self._settle(model)
            self.feed_kept(machine.LoadEnded(self._now(), model, error, called_off))

    def _load_now(self, model: str, cancel: threading.Event) -> None:
        entry = self._entry(model)
        if not entry.enabled:
            raise ModelDisabled(model)
        self._engines[model] = entry.source.engine
        self._sources[model] = entry.source
        self._loader.load(entry, cancel)

    def _begun(self, model: str) -> threading.Event:
        with self._changing:
            cancel = self._cancels[model] = threading.Event()
            held = self._models.held.get(model)
            if self._stopping.is_set() or (held is not None and held.then is Phase.UNLOADED):
                cancel.set()
            return cancel

    def _settle(self, model: str) -> None:
        if (need := self._reserved.pop(model, None)) is not None:
            self._memory.settle(need)

    def _save(self, before: Models, after: Models) -> None:
        old, new = before.residents(), after.residents()
        try:
            self._residency.change(add=new - old, drop=old - new)
        except ModelStoreError as error:
            raise ResidencyNotSaved(str(error)) from error

    def _entry(self, model: str) -> CatalogueEntry:
        entry = self._catalogue.find(model)
        if entry is None:
            raise ModelUnknown(model)
        return entry

    def _unload(self, entry: CatalogueEntry) -> None:
        lane = (entry.source.engine, entry.id)
        is_warm = lane in self._lanes.warm()
        if is_warm:
            self._engines.setdefault(entry.id, entry.source.engine)
        asked = machine.UnloadAsked(self._now(), entry.id, entry.exclusive_group, warm=is_warm)
        self.feed(asked)

    def _of_group(self, entry: CatalogueEntry) -> list[LaneName]:
        """What is in memory and goes for ``entry``."""
        group = entry.exclusive_group
        return [
            (self._engines.get(name, ""), name)
            for name, held in self._models.held.items()
            if group is not None and held.group == group and held.in_memory and name != entry.id
        ]
