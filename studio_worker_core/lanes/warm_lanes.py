"""The lanes there are: which of them is used next, which stay, and which are ended."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from studio_worker_core.lanes.lane import Lane
from studio_worker_core.lanes.request import LaneKey
from studio_worker_core.lanes.turns import KeyTurns


class WarmLanes:
    """Safe to use from any thread. Whoever works with a lane has the turn of its key.

    A model that is *pinned* keeps its lanes: no other model's job ends them, however long they
    were not used. The others are transient.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[LaneKey, Lane] = {}  # in order of use, the latest last
        self._pinned: set[tuple[str, str]] = set()
        self._turns = KeyTurns()

    @contextmanager
    def turn(self, key: LaneKey, stops: Iterable[threading.Event]) -> Iterator[bool]:
        """Wait for the turn of ``key``; False when one of ``stops`` was set before."""
        with self._turns.taken(key, stops=stops) as taken:
            yield taken

    def take(self, key: LaneKey) -> Lane | None:
        """The lane of ``key`` if it waits for a job, as the one used last. The caller has the
        turn."""
        with self._lock:
            lane = self._lanes.pop(key, None)
            if lane is not None:
                self._lanes[key] = lane
        if lane is None or lane.is_idle:
            return lane
        self.drop(lane)
        return None

    def add(self, lane: Lane) -> None:
        """A new lane; the caller has the turn of its key."""
        with self._lock:
            self._lanes[lane.key] = lane

    def all(self) -> list[Lane]:
        """Every lane, the most recently used last."""
        with self._lock:
            return list(self._lanes.values())

    def all_keys(self) -> list[LaneKey]:
        """The key of every lane, the most recently used last."""
        with self._lock:
            return list(self._lanes)

    def pin(self, engine: str, model: str) -> None:
        """From now on the lanes of this model stay, also those that are yet to come."""
        with self._lock:
            self._pinned.add((engine, model))

    def unpin(self, engine: str, model: str) -> None:
        """The lanes of this model are transient again."""
        with self._lock:
            self._pinned.discard((engine, model))

    def pinned(self) -> frozenset[tuple[str, str]]:
        """Engine and model of what was pinned, with a lane or without."""
        with self._lock:
            return frozenset(self._pinned)

    def is_pinned(self, key: LaneKey) -> bool:
        """Whether it is a lane of a pinned model."""
        return (key.engine, key.model.name) in self._pinned

    def keep(self, most: int) -> None:
        """End the least recently used transient lanes beyond so many; those that work are left
        alone."""
        keys = self.transient()
        for key in keys[: max(len(keys) - most, 0)]:
            self.end(key)

    def transient(self) -> list[LaneKey]:
        """The keys of the lanes that are not pinned, the most recently used last."""
        with self._lock:
            return [key for key in self._lanes if not self.is_pinned(key)]

    def end_idle(self, since: float) -> list[LaneKey]:
        """End the transient lanes that wait for a job since then or longer (seconds of the lanes'
        clock); what was ended."""
        return [key for key in self.transient() if self.end(key, idle_since=since)]

    def tidy(self) -> None:
        """Strike off the lanes that nobody works with and whose process is gone or going."""
        for lane in self.all():
            with self._turns.taken(lane.key, wait=False) as taken:
                if taken and self._lanes.get(lane.key) is lane and not lane.is_idle:
                    self.drop(lane)

    def end(self, key: LaneKey, *, wait: bool = False, idle_since: float | None = None) -> bool:
        """End the lane of ``key``, unless it works; with ``wait`` once it does not any more. With
        ``idle_since`` only one that waits for a job since then or longer. True if it was ended."""
        with self._turns.taken(key, wait=wait) as taken:
            lane = self._lanes.get(key) if taken else None
            if lane is None:
                return False
            if idle_since is not None and not self._waits_since(key, lane, idle_since):
                return False
            self.drop(lane)
            return True

    def _waits_since(self, key: LaneKey, lane: Lane, then: float) -> bool:
        since = lane.idle_since
        return not self.is_pinned(key) and since is not None and since <= then

    def drop(self, lane: Lane) -> None:
        """End ``lane``; the caller has its turn."""
        lane.end()
        self.forget(lane)

    def forget(self, lane: Lane) -> None:
        """Strike off a lane that has ended."""
        with self._lock:
            if self._lanes.get(lane.key) is lane:
                del self._lanes[lane.key]
