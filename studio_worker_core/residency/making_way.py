"""The models of an exclusive group make way for each other: for a load, and for a job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from studio_worker_core.errors import JobCancelled, ModelStoreError
from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency import states
from studio_worker_core.residency.driving import Driver
from studio_worker_core.residency.groups import Groups, GroupTurns
from studio_worker_core.residency.loading import HostLanes, LaneName

_log = logging.getLogger("studio_worker.residency")

_LOOK_SECONDS = 0.1


class MakingWay:
    """Has others of a group unloaded. Safe to use from any thread."""

    def __init__(self, driver: Driver, catalogue: Catalogue, lanes: HostLanes) -> None:
        self._driver = driver
        self._lanes = lanes
        self._groups = Groups(catalogue)
        self._turns = GroupTurns()

    @contextmanager
    def for_job(self, model: str, cancel: threading.Event) -> Iterator[None]:
        """While a job uses ``model``, the other models of its group are out of memory, the kept
        ones as well: those come back when no job uses the group any more. Waits for the jobs of
        the others. Raises :class:`.JobCancelled`."""
        group = self._group_of(model)
        if group is None:
            yield
            return
        with self._turns.taken(group, model, cancel) as taken:
            if not taken or not self._others_gone(group, model, cancel):
                raise JobCancelled("cancelled")
            yield

    def goes_for(self, model: str) -> list[LaneName]:
        """What is kept in memory and goes for a job of ``model``; answers from memory."""
        return self.of_group(self._groups.known(model), model)

    def of_group(self, group: str | None, but: str) -> list[LaneName]:
        """What of a group is in memory, other than ``but``."""
        return [
            (self._driver.engines.get(name, ""), name)
            for name, held in self._driver.models.held.items()
            if group is not None and held.group == group and held.in_memory and name != but
        ]

    def end_transient(self, group: str | None, but: str) -> None:
        """Unload what jobs left of a group, which nobody wished for. Reads a file."""
        for entry in self._groups.transient(group, but, self._lanes) if group else ():
            held = self._driver.models.held.get(entry.id)
            if held is None or not held.resident:
                self.unload(entry)

    def unload(self, entry: CatalogueEntry) -> None:
        """Have a model unloaded, and no longer kept. Raises :class:`.ResidencyNotSaved`."""
        driver = self._driver
        lane = (entry.source.engine, entry.id)
        is_warm = lane in self._lanes.warm()
        if is_warm:
            driver.engines.setdefault(entry.id, entry.source.engine)
        driver.feed(states.UnloadAsked(driver.now(), entry.id, entry.exclusive_group, warm=is_warm))

    def free_groups(self) -> None:
        """Let the models come back that made way for jobs which are over; read the catalogue if
        it has changed. Raises ModelStoreError."""
        self._groups.refresh()
        driver = self._driver
        with driver.changed:
            for group in driver.models.used:
                if self._turns.is_wanted(group):
                    continue
                for model, held in driver.models.held.items():
                    if held.made_way_in(group):
                        self.end_transient(group, model)
                driver.feed_kept(states.GroupFree(driver.now(), group))

    def _group_of(self, model: str) -> str | None:
        try:
            return self._groups.of(model)
        except ModelStoreError as error:
            _log.warning("%s is used whatever its exclusive group is: %s", model, error)
            return None

    def _others_gone(self, group: str, model: str, cancel: threading.Event) -> bool:
        """Have the other models of a group leave; False when ``cancel`` was set before."""
        driver = self._driver
        with driver.changed:
            driver.feed_kept(states.GroupUsed(driver.now(), group, model))
            self.end_transient(group, model)
            while self.of_group(group, model):
                if cancel.is_set():
                    return False
                driver.changed.wait(_LOOK_SECONDS)
            return True
