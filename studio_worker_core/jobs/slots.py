"""Slots: how many jobs run at once, and where each of them runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from studio_worker_core.jobs.job import Job, Source


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


class KeptModel(Struct, frozen=True):
    """A model that is kept loaded: its lane does one job at a time, beside those of the slots."""

    engine: str
    model: str


class Permit:
    """The use of one slot, of a model that is kept loaded, or of both, for one job: a context
    manager that gives them back."""

    def __init__(
        self, slots: Slots, slot: Slot, job: Job, takes: tuple[str | KeptModel, ...]
    ) -> None:
        self._slots = slots
        self.slot = slot
        """Where the job runs."""
        self.job = job
        self.takes = takes
        """What no other job has meanwhile: a slot, by its name, and a kept model."""

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, *_: Any) -> None:
        self.release()

    def release(self) -> None:
        """Give back what it takes; a second time nothing happens."""
        self._slots.give_back(self)


class Slots:
    """The slots of this worker, and the models kept loaded beside them. Any thread may take and
    give back.

    A local job of a model that is kept loaded takes that model and no slot: its memory was
    admitted when it was loaded. One of the studio takes both, so that a studio gives this worker
    as many jobs as it has slots.

    :param is_kept: whether a job's very model is kept loaded, in the first of the slots. Asked
        while nothing can be taken: it answers from memory.
    """

    def __init__(
        self, slots: Sequence[Slot] = ONE_SLOT, is_kept: Callable[[Job], bool] = lambda _: False
    ) -> None:
        self._slots = tuple(slots)
        self._is_kept = is_kept
        self._changed = threading.Condition()
        self._permits: list[Permit] = []  # the oldest first
        self._bells: tuple[Callable[[], None], ...] = ()

    def __len__(self) -> int:
        return len(self._slots)

    def try_acquire(self, job: Job) -> Permit | None:
        """A permit for ``job``; None when there is no room for it, or the very job has one
        already."""
        return self.try_acquire_one([job])

    def try_acquire_one(self, jobs: Iterable[Job]) -> Permit | None:
        """A permit for the first of ``jobs`` that there is room for; None when there is none
        for any. Costs the number of jobs and of those that have permits."""
        with self._changed:
            taken = {each for permit in self._permits for each in permit.takes}
            running = {(permit.job.source, permit.job.job_id) for permit in self._permits}
            for job in jobs:
                if (job.source, job.job_id) in running:
                    continue
                permit = self._permit_of(job, taken)
                if permit is not None:
                    self._permits.append(permit)
                    return permit
            return None

    def _permit_of(self, job: Job, taken: set[str | KeptModel]) -> Permit | None:
        free = next((slot for slot in self._slots if slot.name not in taken), None)
        if self._is_kept(job):
            kept = KeptModel(job.engine, job.model)
            takes: tuple[str | KeptModel, ...] = (kept,)
            if job.source is Source.STUDIO:
                if free is None:
                    return None
                takes = (kept, free.name)
            return None if kept in taken else Permit(self, self._slots[0], job, takes)
        return None if free is None else Permit(self, free, job, (free.name,))

    def give_back(self, permit: Permit) -> None:
        """What :meth:`Permit.release` does."""
        with self._changed:
            if permit not in self._permits:
                return
            self._permits.remove(permit)
            self._changed.notify_all()
        for bell in self._bells:
            bell()

    def ring(self, bell: Callable[[], None]) -> None:
        """Call ``bell``, which returns soon, whenever something was given back."""
        with self._changed:
            self._bells = (*self._bells, bell)

    def jobs(self) -> list[Job]:
        """The jobs that have a permit, the oldest first."""
        with self._changed:
            return [permit.job for permit in self._permits]

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait (seconds) until no job has a permit; True when none has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._permits, timeout)
