"""The model host: what is wished, where each model is, and the threads that see to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from studio_worker_core.errors import (
    ModelDisabled,
    ModelStoreError,
    ModelUnknown,
)
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.residency import Residency
from studio_worker_core.residency import states
from studio_worker_core.residency.driving import Driver
from studio_worker_core.residency.freshness import Freshness
from studio_worker_core.residency.hosted import HostedModel, View
from studio_worker_core.residency.loading import (
    HostLanes,
    Loader,
    Memory,
    ModelToLoad,
    outcome_of,
)
from studio_worker_core.residency.making_way import MakingWay
from studio_worker_core.residency.states import Phase
from studio_worker_core.wire.models import ModelSource

_log = logging.getLogger("studio_worker.residency")

_LOOK_SECONDS = 0.1
_GONE = "its engine process has ended; the next job or load starts it again"


class ModelHost:
    """Keeps models loaded. Any thread may call; :meth:`run_loads` and :meth:`run_unloads` are
    the bodies of two threads, so that a long load keeps nothing from being unloaded.

    Who only looks waits for nobody. :attr:`groups` has the models of an exclusive group make way
    for each other.

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
        self._catalogue = catalogue
        self._residency = residency
        self._driver = driver = Driver(
            residency, now, fed=self._settle_what_waits_no_more, moved=changed
        )
        self.groups = MakingWay(driver, catalogue, lanes)
        self._lanes = lanes
        self._loader = loader
        self._memory = memory
        self._freshness = Freshness()
        self._reserved: dict[str, ModelToLoad] = {}  # of loads that were asked for
        self._view = View(lanes, loader, now)

    def models(self) -> list[HostedModel]:
        """Every model of the catalogue, in its order. Reads a file."""
        return self._view.of(self._driver.models, self._catalogue.entries())

    def find(self, model: str) -> HostedModel:
        """One model. Reads a file. Raises :class:`.ModelUnknown`."""
        return self._view.of(self._driver.models, [self._entry(model)])[0]

    def has_loaded(self, model: str, source: ModelSource) -> bool:
        """Whether the model is loaded to stay, from this very source; answers from memory."""
        held = self._driver.models.held.get(model)
        return (
            held is not None
            and held.phase is Phase.LOADED
            and self._freshness.is_from(model, source)
            and (source.engine, model) in self._lanes.warm()
        )

    def load(self, model: str) -> HostedModel:
        """Have it loaded, and kept so, also after a restart; back at once.

        Raises:
            ModelUnknown, ModelDisabled: it cannot be.
            InsufficientMemory: it does not fit beside what is loaded; nothing is changed.
            ResidencyNotSaved: the wish cannot be kept; nothing is changed.
        """
        with self._driver.changed:
            entry = self._entry(model)
            if not entry.enabled:
                raise ModelDisabled(model)
            need, group = ModelToLoad.of(entry), entry.exclusive_group
            held = self._driver.models.held.get(model)
            begins = held is None or held.phase not in (Phase.LOADING, Phase.LOADED)
            if begins:
                short = self._memory.reserve(need, self.groups.of_group(group, model))
                if short is not None:
                    raise short.error()
                self._reserved[model] = need
            try:
                self.groups.end_transient(group, model)
                self._driver.feed(states.LoadAsked(self._driver.now(), model, group))
            finally:
                self._settle_what_waits_no_more()
            return self.find(model)

    def unload(self, model: str) -> HostedModel:
        """Have it unloaded, and no longer kept; back at once. What does its job ends that first.

        Raises:
            ModelUnknown: there is none.
            ResidencyNotSaved: the wish cannot be kept; nothing is changed.
        """
        with self._driver.changed:
            self.groups.unload(self._entry(model))
            return self.find(model)

    def put(self, entry: CatalogueEntry) -> None:
        """Add ``entry`` to the catalogue, or replace the one of its id. What is loaded under it
        is loaded again soon, if its source is another. Raises :class:`.ModelStoreError`."""
        self._catalogue.put(entry)

    def delete(self, model: str) -> bool:
        """Take a model out of the catalogue and have it unloaded; its files stay. False where
        there is none. Raises :class:`.ModelStoreError`."""
        with self._driver.changed:
            was_there = self._catalogue.remove(model)
            self._driver.feed(states.Dropped(self._driver.now(), model))
            if was_there:
                self._residency.forget(model)
            return was_there

    def suspend(self, suspended: bool) -> None:
        """Have everything unloaded for a while, or what is wished loaded again."""
        event = states.Suspended if suspended else states.Resumed
        self._driver.feed_kept(event(self._driver.now()))

    def restore(self) -> None:
        """Load what is wished, in the order of the catalogue; what fails is shown."""
        try:
            wished = self._residency.resident()
            entries = [entry for entry in self._catalogue.entries() if entry.id in wished]
        except ModelStoreError as error:
            _log.warning("no model is loaded at the start: %s", error)
            return
        for entry in entries:
            asked = states.LoadAsked(self._driver.now(), entry.id, entry.exclusive_group)
            self._driver.feed_kept(asked)

    def run_loads(self) -> None:
        """Load one model after another, until :meth:`close`; the body of a thread."""
        while (model := self._driver.loads.get()) is not None:
            self._load(model)

    def run_unloads(self) -> None:
        """Unload one model after another, until :meth:`close`; the body of a thread."""
        while (model := self._driver.unloads.get()) is not None:
            self._loader.unload(self._driver.engines.get(model, ""), model)
            with self._driver.changed:
                self._driver.engines.pop(model, None)
                self._freshness.forget(model)
                self._driver.feed_kept(states.UnloadEnded(self._driver.now(), model))

    def close(self) -> None:
        """End both threads: a load under way is given up, an unload awaited."""
        self._driver.stop()

    def compare(self) -> None:
        """Look whether what is loaded still is, and still known; see :class:`.Watching`."""
        with self._driver.changed:
            warm = self._lanes.warm()
            for model, held in self._driver.models.held.items():
                lane = (self._driver.engines.get(model, ""), model)
                if held.phase is Phase.LOADED and lane not in warm:
                    _log.warning("%s is loaded no more: %s", model, _GONE)
                    self._driver.feed_kept(states.Lost(self._driver.now(), model, _GONE))
                elif held.phase is Phase.FAILED and held.resident and lane in warm:
                    self._lanes.pin(*lane)
                    self._driver.feed_kept(states.Found(self._driver.now(), model))

    def follow_catalogue(self) -> None:
        """Have unloaded what is in the catalogue no more, and loaded again what has another
        source there, once its job has ended. Reads a file."""
        known = {entry.id: entry for entry in self._catalogue.entries()}
        for model in list(self._driver.models.held):
            self._follow(model, known.get(model))

    def _follow(self, model: str, entry: CatalogueEntry | None) -> None:
        if entry is None:
            self._driver.feed_kept(states.Dropped(self._driver.now(), model))
        elif self._freshness.is_from_elsewhere(model, entry.source):
            self._load_again(model, "its source has changed in the catalogue")

    def follow_files(self) -> None:
        """Have loaded again what has other files now, once its job has ended. Asks the disk."""
        for model, held in self._driver.models.held.items():
            if held.phase is Phase.LOADED and self._freshness.has_other_files(model):
                self._load_again(model, "its files have changed")

    def _load_again(self, model: str, why: str) -> None:
        with self._driver.changed:
            before = self._driver.models.held.get(model)
            self._driver.feed_kept(states.Outdated(self._driver.now(), model))
            if self._driver.models.held.get(model) != before:
                _log.info("%s is loaded again: %s", model, why)

    def _settle_what_waits_no_more(self) -> None:
        for model in list(self._reserved):
            held = self._driver.models.held.get(model)
            if held is None or held.phase is not Phase.LOADING:
                self._settle(model)

    def _load(self, model: str) -> None:
        cancel = self._driver.begun(model)
        error, called_off = outcome_of(partial(self._load_now, model, cancel), model)
        if error is not None:
            _log.warning("%s is not loaded: %s", model, error)
        with self._driver.changed:
            self._driver.over(model)
            self._settle(model)
            self._driver.feed_kept(states.LoadEnded(self._driver.now(), model, error, called_off))
        try:
            self._follow(model, self._catalogue.find(model))  # it may have changed meanwhile
        except ModelStoreError as broken:
            _log.warning("%s", broken)

    def _load_now(self, model: str, cancel: threading.Event) -> None:
        entry = self._entry(model)
        if not entry.enabled:
            raise ModelDisabled(model)
        self._driver.engines[model] = entry.source.engine
        self._freshness.begins(model, entry.source)
        self._freshness.loaded(*self._loader.load(entry, cancel))

    def _settle(self, model: str) -> None:
        if (need := self._reserved.pop(model, None)) is not None:
            self._memory.settle(need)

    def _entry(self, model: str) -> CatalogueEntry:
        entry = self._catalogue.find(model)
        if entry is None:
            raise ModelUnknown(model)
        return entry
