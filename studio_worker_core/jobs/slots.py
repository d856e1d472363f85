"""Slots: how many jobs run at once, and where each of them runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from studio_worker_core.jobs.job import Job


class Slot(Struct, frozen=True):
    """Room for one job at a time."""

    name: str
    device: str | None = None
    """The card it is for; None is whatever the machine has."""
    environment: Mapping[str, str] = {}
    """Variables that its engine processes get beside the usual ones."""


ANY_SLOT = Slot("0")
"""Whatever the machine has."""

ONE_SLOT = (ANY_SLOT,)
"""One job at a time, wherever it came from (protocol §3)."""


class Permit:
    """The use of one slot for one job: a context manager that gives the slot back."""

    def __init__(self, slots: Slots, slot: Slot, job: Job) -> None:
        self._slots = slots
        self.slot = slot
        self.job = job

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()

    def release(self) -> None:
        """Give the slot back; a second time nothing happens."""
        self._slots.give_back(self)


class Slots:
    """The slots of this worker. Any thread may take and give back."""

    def __init__(self, slots: Sequence[Slot] = ONE_SLOT) -> None:
        self._slots = tuple(slots)
        self._changed = threading.Condition()
        self._taken: dict[str, Permit] = {}  # by the slot's name, the oldest first

    def __len__(self) -> int:
        return len(self._slots)

    def try_acquire(self, job: Job) -> Permit | None:
        """A permit for ``job``; None when no slot is free, or the very job has one already."""
        with self._changed:
            for other in self._taken.values():
                if (other.job.source, other.job.job_id) == (job.source, job.job_id):
                    return None
            free = (slot for slot in self._slots if slot.name not in self._taken)
            slot = next(free, None)
            if slot is None:
                return None
            self._taken[slot.name] = permit = Permit(self, slot, job)
            return permit

    def give_back(self, permit: Permit) -> None:
        """What :meth:`Permit.release` does."""
        with self._changed:
            if self._taken.get(permit.slot.name) is permit:
                del self._taken[permit.slot.name]
                self._changed.notify_all()

    def jobs(self) -> list[Job]:
        """The jobs that have a slot, the oldest first."""
        with self._changed:
            return [permit.job for permit in self._taken.values()]

    def wait_free(self, timeout: float | None = None) -> bool:
        """Wait (seconds) until a slot is free; True when one is, and another may yet be faster."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._taken) < len(self._slots), timeout)

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait (seconds) until no job has a slot; True when none has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, timeout)
