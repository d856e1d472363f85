"""The queue as the rest of the studio sees it, whatever database is behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Protocol

from studio_worker_studio.dispatch import Wanted
from studio_worker_studio.store.records import JobRecord, JobState, NewJob, StoredFile

__all__ = ["JobStore", "Outcome"]


class Outcome(Enum):
    """What became of an attempt to end a job."""

    DONE = "done"
    """Stored now."""
    REPEATED = "repeated"
    """The same worker delivered the same result before: a success again."""
    NOT_HELD = "not held"
    """The worker does not hold the job under that claim; nothing changed."""


class JobStore(Protocol):
    """Every change is one transaction that compares before it sets: a job is held by at most
    one worker, and ends exactly once for each time it is queued.

    ``claims`` is the number of the claim a caller speaks of; a newer claim of the same job
    makes the call change nothing. ``now`` and leases are seconds since the epoch.
    """

    async def add(self, job: NewJob, now: float) -> JobRecord:
        """Queue a job; on disk when this returns."""

    async def get(self, job_id: str) -> JobRecord | None:
        """One job."""

    async def page(self, state: JobState | None, after: str | None, limit: int) -> list[JobRecord]:
        """Jobs in the order they were made, after the one with the id ``after``."""

    async def counts(self) -> Mapping[JobState, int]:
        """How many jobs are in each state."""

    async def waiting_kinds(self) -> frozenset[str]:
        """The kinds of which at least one job is queued."""

    async def claim_next(
        self, wanted: Wanted, worker_id: str, now: float, lease_until: float
    ) -> JobRecord | None:
        """Claim the first queued job that ``wanted`` takes: highest priority, then oldest."""

    async def held_by(self, worker_id: str) -> list[JobRecord]:
        """The jobs a worker holds."""

    async def resume(
        self, worker_id: str, unfinished: Collection[str], now: float, lease_until: float
    ) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
        """A worker is back with these jobs unfinished (protocol §3.1, ``resume``).

        Answers the jobs it holds from now on, those it finished before whose answer it may
        have missed, and those it held and dropped, which are queued again. A job whose claim
        lapsed and that nobody took since goes back to it.
        """

    async def renew(self, worker_id: str, lease_until: float) -> None:
        """Move the leases of all jobs a worker holds."""

    async def renew_all(self, lease_until: float) -> None:
        """Move all leases: the studio was away."""

    async def release(self, job_id: str, claims: int) -> JobRecord | None:
        """Give a claimed job back to the queue, uncounted; None when that claim is over.
        A job that somebody asked to cancel is cancelled instead."""

    async def expired(self, now: float) -> list[JobRecord]:
        """The claimed jobs whose lease is over."""

    async def finish_file(
        self,
        job_id: str,
        worker_id: str,
        claims: int,
        file: StoredFile,
        prompt: str | None,
        now: float,
        keep: Callable[[], None],
    ) -> Outcome:
        """End a job with a file. ``keep`` puts the file in its place; it is called once it is
        sure that the job takes it, and when it raises nothing changes."""

    async def finish_json(
        self,
        job_id: str,
        worker_id: str,
        claims: int | None,
        result: bytes,
        sha256: str,
        prompt: str | None,
        now: float,
    ) -> Outcome:
        """End a job with a JSON answer; ``claims`` None can only repeat one."""

    async def fail(
        self, job_id: str, claims: int, error: str, *, retryable: bool, now: float
    ) -> JobRecord | None:
        """Count a failed attempt: queued again while attempts are left and ``retryable``,
        else failed. None when that claim is over."""

    async def cancel(self, job_id: str, *, ask: bool, now: float) -> JobRecord | None:
        """Cancel a queued job, and a claimed one unless ``ask``: then it is only marked, for
        its worker to stop it. None when it has ended already or is unknown."""

    async def retry(self, job_id: str, now: float) -> JobRecord | None:
        """Queue a failed or cancelled job again with all its attempts; None for others."""

    async def result_names(self) -> Sequence[str]:
        """Names (``<jobId>.<ext>``) of all result files that belong to a job."""
