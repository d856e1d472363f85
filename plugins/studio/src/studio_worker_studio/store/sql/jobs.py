"""The queue in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

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
from studio_worker_studio.store.sql import adoption as _adoption
from studio_worker_studio.store.sql import claims as _claims
from studio_worker_studio.store.sql import endings as _endings
from studio_worker_studio.store.sql import listings as _listings
from studio_worker_studio.store.sql import retention as _retention
from studio_worker_studio.store.sql import statistics as _statistics
from studio_worker_studio.store.sql import submissions as _submissions
from studio_worker_studio.store.sql.rows import LISTED, get_job, insert_job, listed_job_of
from studio_worker_studio.store.sql.transaction import Database, Searches, Transaction


class SqlJobs:
    """:class:`~studio_worker_studio.store.jobs.JobStore` in SQL."""

    def __init__(self, database: Database, searches: Searches) -> None:
        self._database = database
        self._searches = searches

    async def add(self, job: NewJob, now: float) -> JobRecord:
        return await self._database.write(lambda c: insert_job(c, job, now), durable=True)

    async def add_once(
        self, job: NewJob, key: str, body_sha256: str, now: float
    ) -> JobRecord | None:
        work = partial(_submissions.add, job, key, body_sha256, now)
        return await self._database.write(work, durable=True)

    async def known_key(self, key: str) -> tuple[str, str] | None:
        return await self._database.read(partial(_submissions.known, key))

    async def get(self, job_id: str) -> JobRecord | None:
        return await self._database.read(lambda c: get_job(c, job_id))

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
        return await self._database.read(
            partial(_listings.page, state, after, limit, prefix, newest_first, kind, model)
        )

    async def counts(self) -> Mapping[JobState, int]:
        def work(c: Transaction) -> Mapping[JobState, int]:
            rows = c.execute("SELECT state, count(*) AS times FROM jobs GROUP BY state")
            found = {JobState(row["state"]): int(row["times"]) for row in rows}
            return {state: found.get(state, 0) for state in JobState}

        return await self._database.read(work)

    async def statistics(self, since: float, until: float, parts: int) -> Statistics:
        return await self._database.read(partial(_statistics.statistics, since, until, parts))

    async def waiting_lanes(self) -> Mapping[Lane, float]:
        return await self._database.read(self._searches.waiting_lanes)

    async def first_for(self, wanted: Wanted) -> WaitingJob | None:
        return await self._database.read(partial(self._searches.first_for, wanted))

    async def claim(self, job: int, worker_id: str, now: float) -> JobRecord | None:
        return await self._database.write(partial(_claims.claim, job, worker_id, now))

    async def held_by(self, worker_id: str) -> list[JobRecord]:
        return await self._database.read(lambda c: _claims.held_by(c, worker_id))

    async def resume(
        self, worker_id: str, unfinished: Collection[str], orphaned: Collection[str], now: float
    ) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
        return await self._database.write(
            partial(_claims.resume, worker_id, frozenset(unfinished), frozenset(orphaned), now)
        )

    async def claimed(self) -> list[JobRecord]:
        def work(c: Transaction) -> list[JobRecord]:
            rows = c.execute(f"SELECT {LISTED} FROM jobs WHERE state = 'claimed' ORDER BY id")  # noqa: S608 - fixed text
            return [listed_job_of(row) for row in rows]

        return await self._database.read(work)

    async def release(
        self, job_id: str, claims: int, *, counted: bool, now: float
    ) -> JobRecord | None:
        return await self._database.write(
            partial(_claims.release, job_id, claims, counted, now), durable=counted
        )

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
        work = partial(
            _endings.finish_file, job_id, worker_id, claims, file, prompt, now, keep, meta
        )
        return await self._database.write(work, durable=True)

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
        work = partial(
            _endings.finish_json, job_id, worker_id, claims, result, sha256, prompt, now, meta
        )
        return await self._database.write(work, durable=True)

    async def fail(
        self, job_id: str, claims: int, error: str, *, retryable: bool, now: float
    ) -> JobRecord | None:
        return await self._database.write(
            partial(_claims.fail, job_id, claims, error, retryable, now)
        )

    async def cancel(self, job_id: str, *, ask: bool, now: float) -> JobRecord | None:
        return await self._database.write(partial(_endings.cancel, job_id, ask, now), durable=True)

    async def retry(self, job_id: str, now: float) -> JobRecord | None:
        return await self._database.write(partial(_endings.retry, job_id), durable=True)

    async def result_names(self) -> Sequence[str]:
        def work(c: Transaction) -> Sequence[str]:
            rows = c.execute(
                "SELECT job_id || '.' || result_ext AS name FROM jobs WHERE state = 'done'"
                " AND result_ext IS NOT NULL AND result_removed_at IS NULL"
            )
            return [str(row["name"]) for row in rows]

        return await self._database.read(work)

    async def stored_files(self) -> Mapping[str, StoredFile]:
        return await self._database.read(_adoption.stored_files)

    async def adopt(self, job_id: str, kind: TaskKind, file: StoredFile, now: float) -> bool:
        work = partial(_adoption.adopt, job_id, kind, file, now)
        return await self._database.write(work, durable=True)

    async def expired_results(self, before: float) -> Sequence[Expired]:
        return await self._database.read(partial(_retention.expired_results, before))

    async def result_removed(self, job_id: str, now: float) -> bool:
        work = partial(_retention.result_removed, job_id, now)
        return await self._database.write(work, durable=True)

    async def forget_jobs(self, before: float, now: float) -> int:
        return await self._database.write(partial(_retention.forget_jobs, before, now))

    async def delete(self, job_id: str) -> bool:
        return await self._database.write(partial(_retention.delete_job, job_id), durable=True)

    async def forget_keys(self, before: float) -> None:
        await self._database.write(partial(_retention.forget_keys, before))
