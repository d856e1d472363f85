"""Exclusive groups: of the models of one, at most one is in memory at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from studio_worker_core.models.catalogue import Catalogue
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.residency.loading import HostLanes

_LOOK_SECONDS = 0.1


class Groups:
    """The groups of the catalogue; it is read again when it has changed. Safe to use from any
    thread."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._read: tuple[object, dict[str, str]] = (None, {})

    def of(self, model: str) -> str | None:
        """The group of a model, if it has one. Raises ModelStoreError."""
        self.refresh()
        return self.known(model)

    def known(self, model: str) -> str | None:
        """The same, as it was when somebody asked last; asks no disk."""
        return self._read[1].get(model)

    def refresh(self) -> None:
        """Read the catalogue if it has changed. Raises ModelStoreError."""
        stamp = self._catalogue.stamp()
        if self._read[0] != stamp:
            found = {
                entry.id: entry.exclusive_group
                for entry in self._catalogue.entries()
                if entry.exclusive_group is not None
            }
            self._read = (stamp, found)

    def transient(self, group: str, but: str, lanes: HostLanes) -> list[CatalogueEntry]:
        """What has a lane of a group's models, other than ``but``. Reads a file."""
        warm = lanes.warm()
        return [
            entry
            for entry in (self._catalogue.entries() if warm else ())
            if entry.exclusive_group == group
            and entry.id != but
            and (entry.source.engine, entry.id) in warm
        ]


class GroupTurns:
    """Which model of a group the jobs use: those of one model together, those of another after
    them, in the order in which they came. Safe to use from any thread; a turn costs the number
    of jobs that want one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queues: dict[str, list[tuple[object, str]]] = {}

    @contextmanager
    def taken(self, group: str, model: str, stop: threading.Event) -> Iterator[bool]:
        """Wait for the turn of ``model``; False when ``stop`` was set before."""
        ticket = (object(), model)
        with self._changed:
            self._queues.setdefault(group, []).append(ticket)
        try:
            yield self._waited(group, ticket, stop)
        finally:
            with self._changed:
                queue = self._queues[group]
                queue.remove(ticket)
                if not queue:
                    del self._queues[group]
                self._changed.notify_all()

    def is_wanted(self, group: str) -> bool:
        """Whether a job has or wants a turn."""
        return self.wanting(group) > 0

    def wanting(self, group: str) -> int:
        """How many jobs have or want a turn."""
        return len(self._queues.get(group, ()))

    def _waited(self, group: str, ticket: tuple[object, str], stop: threading.Event) -> bool:
        with self._changed:
            while not stop.is_set():
                queue = self._queues[group]
                before = queue[: queue.index(ticket)]
                if all(model == ticket[1] for _, model in before):
                    return True
                self._changed.wait(_LOOK_SECONDS)
        return False
