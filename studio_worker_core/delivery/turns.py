"""Whose turn it is among many that wait for their time, found without looking at each of them."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from studio_worker_core.delivery.states import Needs

Age = tuple[datetime, str]
"""When it was made, and a name that makes it unique: the oldest goes first."""

T = TypeVar("T")


class _Place(Generic[T]):
    def __init__(self, age: Age, needs: Needs, due: float, item: T) -> None:
        self.age = age
        self.needs = needs
        self.due = due
        self.item = item
        self.is_ready = False


class Turns(Generic[T]):
    """Items by their age, each with what its next turn needs and when it comes.

    Those whose time has come are kept apart, in the order of their age; the others in a heap
    by their time. Both once for each kind of needs, so that what cannot go is not looked at.
    """

    def __init__(self) -> None:
        self._places: dict[Age, _Place[T]] = {}
        self._ready: dict[Needs, list[Age]] = {}
        self._later: dict[Needs, list[tuple[float, int, _Place[T]]]] = {}
        self._serial = itertools.count()

    def put(self, age: Age, needs: Needs | None, due: float, item: T) -> None:
        """From now on its next turn is that one; with ``needs`` None it has none."""
        place = self._places.get(age)
        if place is not None and (place.needs, place.due) == (needs, due):
            place.item = item
            return
        self.remove(age)
        if needs is not None:
            place = self._places[age] = _Place(age, needs, due, item)
            self._ready.setdefault(needs, [])
            later = self._later.setdefault(needs, [])
            heapq.heappush(later, (due, next(self._serial), place))

    def remove(self, age: Age) -> None:
        """It has no turn any more."""
        place = self._places.pop(age, None)
        if place is not None and place.is_ready:
            ready = self._ready[place.needs]
            del ready[bisect_left(ready, age)]

    def next(
        self, now: float, may_go: Callable[[Needs], bool], fits: Callable[[T], bool]
    ) -> T | None:
        """The oldest whose time has come, of those whose needs are met and that fit."""
        found: Age | None = None
        for needs, ready in self._ready.items():
            self._ripen(needs, now)
            if not may_go(needs):
                continue
            for age in ready:
                if found is not None and age > found:
                    break
                if fits(self._places[age].item):
                    found = age
                    break
        return None if found is None else self._places[found].item

    def next_time(self, may_go: Callable[[Needs], bool]) -> float | None:
        """When the next of those comes whose needs are met, after what :meth:`next` has seen."""
        for later in self._later.values():
            self._drop_stale(later)
        return min(
            (later[0][0] for needs, later in self._later.items() if later and may_go(needs)),
            default=None,
        )

    def _ripen(self, needs: Needs, now: float) -> None:
        later = self._later[needs]
        self._drop_stale(later)
        while later and later[0][0] <= now:
            _, _, place = heapq.heappop(later)
            place.is_ready = True
            insort(self._ready[needs], place.age)
            self._drop_stale(later)

    def _drop_stale(self, later: list[tuple[float, int, _Place[T]]]) -> None:
        while later and self._places.get(later[0][2].age) is not later[0][2]:
            heapq.heappop(later)
