"""What the studio asks of its queue; see :mod:`studio_worker_studio.store.interface`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import Lane, Wanted
from studio_worker_studio.store.records import (
    Expired,
    JobRecord,
    JobState,
    NewJob,
    Receipt,
    Statistics,
    StoredFile,
    WaitingJob,
)


class JobStore(Protocol):
    """The queue. Every change compares before it sets: a job is held by at most one worker, and
    ends exactly once for each time it is queued.

    ``claims`` is the number of the claim a caller speaks of; a newer claim of the same job
    makes the call change nothing.
    """

    async def add(self, job: NewJob, now: float) -> JobRecord:
        """Queue a job; on disk when this returns."""

    async def add_once(
        self, job: NewJob, key: str, body_sha256: str, now: float
    ) -> JobRecord | None:
        """Queue a job under an ``Idempotency-Key``; None when the key is taken, and nothing is
        queued then."""

    async def known_key(self, key: str) -> tuple[str, str] | None:
        """The body's SHA-256 and the job of a key that was used before."""

    async def get(self, job_id: str) -> JobRecord | None:
        """One job."""

    async def page(
        self,
        state: JobState | None,
        after: int | None,
        limit: int,
        *,
        prefix: str = "",
        newest_first: bool = False,
        kind: TaskKind | None = None,
        model: str | None = None,
    ) -> list[JobRecord]:
        """Jobs as in a list, in the order they were queued, or the newest first; those that
        follow the place ``after`` in that order, in ``state``, of ``kind`` and ``model``, with
        an id that begins with ``prefix``. A place is a job's number, never used again: pages
        stay where they are when jobs come and go."""

    async def counts(self) -> Mapping[JobState, int]:
        """How many jobs are in each state."""

    async def statistics(self, since: float, until: float, parts: int) -> Statistics:
        """What waits, and what ended from ``since`` on, in so many equal ``parts`` of the time
        until ``until``."""

    async def waiting_lanes(self) -> Mapping[Lane, float]:
        """The lanes in which at least one job is queued, with the least memory in gigabytes
        that one of its jobs needs."""

    async def first_for(self, wanted: Wanted) -> WaitingJob | None:
        """The first queued job that ``wanted`` takes: highest priority, then oldest."""

    async def claim(self, job: int, worker_id: str, now: float) -> JobRecord | None:
        """Claim a queued job by its number; None when it is not queued any more."""

    async def held_by(self, worker_id: str) -> list[JobRecord]:
        """The jobs a worker holds."""

    async def resume(
        self, worker_id: str, unfinished: Collection[str], orphaned: Collection[str], now: float
    ) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
        """A worker is back with these jobs unfinished (protocol §3.1, ``resume``).

        Answers the jobs it holds from now on, those it finished before whose answer it may
        have missed, and those it held and dropped, which are released: the ``orphaned`` with an
        attempt counted. A job whose claim lapsed and that nobody took since goes back to it.
        """

    async def claimed(self) -> list[JobRecord]:
        """All jobs that are claimed, as in a list."""

    async def release(
        self, job_id: str, claims: int, *, counted: bool, now: float
    ) -> JobRecord | None:
        """Give a claimed job back to the queue; None when that claim is over. ``counted`` makes
        it an attempt, and the job fails when that was the last one. A job that somebody asked
        to cancel is cancelled instead."""

    async def finish_file(
        self,
        job_id: str,
        worker_id: str,
        claims: int,
        file: StoredFile,
        prompt: str | None,
        now: float,
        keep: Callable[[], None],
        *,
        meta: GenerationMeta | None = None,
    ) -> Receipt:
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
        *,
        meta: GenerationMeta | None = None,
    ) -> Receipt:
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

    async def stored_files(self) -> Mapping[str, StoredFile]:
        """The files of all finished jobs, by job."""

    async def adopt(self, job_id: str, kind: TaskKind, file: StoredFile, now: float) -> bool:
        """Make the file the result of its job: of one that has not been done, or else of a new
        one in its place. False when the job has another result, or none that is a file."""

    async def expired_results(self, before: float) -> Sequence[Expired]:
        """Some results of jobs that ended before ``before``, oldest first."""

    async def result_removed(self, job_id: str, now: float) -> bool:
        """Note that a finished job's result is gone; False when it had none."""

    async def forget_jobs(self, before: float, now: float) -> int:
        """Remove some jobs without a result that ended before ``before``, with their log
        entries. Answers how many."""

    async def delete(self, job_id: str) -> bool:
        """Remove an ended job and its log entries; False when there is no such ended job."""

    async def forget_keys(self, before: float) -> None:
        """Remove the idempotency keys first used before ``before``."""
