"""The machine of :mod:`.machine` with its state, and what it asks for put to the queues."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from studio_worker_core.errors import ModelStoreError, ResidencyNotSaved
from studio_worker_core.models.residency import Residency
from studio_worker_core.residency import machine, states
from studio_worker_core.residency.states import Models, Phase

_log = logging.getLogger("studio_worker.residency")


class Driver:
    """Safe to use from any thread; who only looks at :attr:`models` waits for nobody.

    :param now: seconds since 1970.
    :param fed: called after every event, with the lock of :attr:`changed`.
    :param moved: called then if it has changed something; it returns at once.
    """

    def __init__(
        self,
        residency: Residency,
        now: Callable[[], float],
        *,
        fed: Callable[[], None],
        moved: Callable[[], None],
    ) -> None:
        self._residency = residency
        self._fed = fed
        self._moved = moved
        self.now = now
        self.models = Models()
        """Replaced as a whole."""
        self.changed = threading.Condition(threading.RLock())
        """Its lock is held by whoever changes something; told of after every event."""
        self.engines: dict[str, str] = {}
        """Of each model that is in memory, or about to be."""
        self.loads: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.unloads: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._cancels: dict[str, threading.Event] = {}  # of the load that is under way
        self._stopping = False

    def feed(self, event: states.Event) -> None:
        """Let ``event`` happen. Raises :class:`.ResidencyNotSaved`: then it has not."""
        with self.changed:
            before = self.models
            after, effects = machine.step(before, event)
            if states.Save() in effects:
                self._save(before, after)
            self.models = after
            for effect in effects:
                match effect:
                    case states.Load(model=model):
                        self.loads.put(model)
                    case states.Unload(model=model):
                        self.unloads.put(model)
                    case states.CallOff(model=model) if model in self._cancels:
                        self._cancels[model].set()
            self._fed()
            if after != before:
                self._moved()
            self.changed.notify_all()

    def feed_kept(self, event: states.Event) -> None:
        """Let ``event`` happen, which no disk can keep from it."""
        try:
            self.feed(event)
        except ResidencyNotSaved as error:
            _log.warning("%s", error)

    def begun(self, model: str) -> threading.Event:
        """A load is under way; what is set when it is to be given up."""
        with self.changed:
            cancel = self._cancels[model] = threading.Event()
            held = self.models.held.get(model)
            if self._stopping or (held is not None and held.then is Phase.UNLOADED):
                cancel.set()
            return cancel

    def over(self, model: str) -> None:
        """A load is under way no more."""
        with self.changed:
            del self._cancels[model]

    def stop(self) -> None:
        """Give up the load that is under way, and end who reads the queues."""
        with self.changed:
            self._stopping = True
            for cancel in self._cancels.values():
                cancel.set()
        self.loads.put(None)
        self.unloads.put(None)

    def _save(self, before: Models, after: Models) -> None:
        old, new = before.residents(), after.residents()
        try:
            self._residency.change(add=new - old, drop=old - new)
        except ModelStoreError as error:
            raise ResidencyNotSaved(str(error)) from error
