"""The queue in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import msgspec

from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind, task_kind
from studio_worker_studio.dispatch import Wanted
from studio_worker_studio.store import claims as _claims
from studio_worker_studio.store.claims import get_job, job_of
from studio_worker_studio.store.database import Database
from studio_worker_studio.store.interface import Outcome
from studio_worker_studio.store.records import JobRecord, JobState, NewJob, StoredFile

__all__ = ["SqliteJobs"]


class SqliteJobs:
    """:class:`~studio_worker_studio.store.interface.JobStore` on one SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: NewJob, now: float) -> JobRecord:
        def work(c: sqlite3.Connection) -> JobRecord:
            c.execute(
                "INSERT INTO jobs (job_id, state, kind, priority, model, engine, vram_gb, task,"
                " source, game_id, asset_name, max_attempts, created_at)"
                " VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.job_id,
                    task_kind(job.task).value,
                    job.priority,
                    job.model,
                    job.source.engine,
                    job.vram_gb,
                    msgspec.json.encode(job.task),
                    msgspec.json.encode(job.source),
                    job.game_id,
                    job.asset_name,
                    job.max_attempts,
                    now,
                ),
            )
            return _known(c, job.job_id)

        return await self._database.write(work, durable=True)

    async def get(self, job_id: str) -> JobRecord | None:
        return await self._database.read(lambda c: get_job(c, job_id))

    async def page(self, state: JobState | None, after: str | None, limit: int) -> list[JobRecord]:
        def work(c: sqlite3.Connection) -> list[JobRecord]:
            rows = c.execute(
                "SELECT * FROM jobs WHERE (?1 IS NULL OR state = ?1)"
                " AND id > coalesce((SELECT id FROM jobs WHERE job_id = ?2), 0)"
                " ORDER BY id LIMIT ?3",
                (state, after, limit),
            )
            return [job_of(row) for row in rows]

        return await self._database.read(work)

    async def counts(self) -> Mapping[JobState, int]:
        def work(c: sqlite3.Connection) -> Mapping[JobState, int]:
            rows = c.execute("SELECT state, count(*) FROM jobs GROUP BY state")
            found = {JobState(row[0]): int(row[1]) for row in rows}
            return {state: found.get(state, 0) for state in JobState}

        return await self._database.read(work)

    async def waiting_kinds(self) -> frozenset[str]:
        def work(c: sqlite3.Connection) -> frozenset[str]:
            query = "SELECT 1 FROM jobs WHERE state = 'queued' AND kind = ? LIMIT 1"
            return frozenset(
                kind for kind in TaskKind if c.execute(query, (kind.value,)).fetchone()
            )

        return await self._database.read(work)

    async def claim_next(
        self, wanted: Wanted, worker_id: str, now: float, lease_until: float
    ) -> JobRecord | None:
        return await self._database.write(
            partial(_claims.claim_next, wanted, worker_id, now, lease_until)
        )

    async def held_by(self, worker_id: str) -> list[JobRecord]:
        return await self._database.read(lambda c: _claims.held_by(c, worker_id))

    async def resume(
        self, worker_id: str, unfinished: Collection[str], now: float, lease_until: float
    ) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
        return await self._database.write(
            partial(_claims.resume, worker_id, frozenset(unfinished), now, lease_until)
        )

    async def renew(self, worker_id: str, lease_until: float) -> None:
        def work(c: sqlite3.Connection) -> None:
            c.execute(
                "UPDATE jobs SET lease_until = ? WHERE worker_id = ? AND state = 'claimed'",
                (lease_until, worker_id),
            )

        await self._database.write(work)

    async def renew_all(self, lease_until: float) -> None:
        def work(c: sqlite3.Connection) -> None:
            c.execute("UPDATE jobs SET lease_until = ? WHERE state = 'claimed'", (lease_until,))

        await self._database.write(work)

    async def release(self, job_id: str, claims: int) -> JobRecord | None:
        return await self._database.write(partial(_claims.release, job_id, claims))

    async def expired(self, now: float) -> list[JobRecord]:
        def work(c: sqlite3.Connection) -> list[JobRecord]:
            rows = c.execute(
                "SELECT * FROM jobs WHERE state = 'claimed' AND lease_until < ?", (now,)
            )
            return [job_of(row) for row in rows]

        return await self._database.read(work)

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
        def work(c: sqlite3.Connection) -> Outcome:
            job = get_job(c, job_id)
            if job is None or job.worker_id != worker_id:
                return Outcome.NOT_HELD
            if job.state is JobState.DONE and job.file and job.file.sha256 == file.sha256:
                return Outcome.REPEATED
            if job.state is not JobState.CLAIMED or claims != job.claims:
                return Outcome.NOT_HELD
            keep()
            c.execute(
                "UPDATE jobs SET state = 'done', lease_until = NULL, cancel_requested = 0,"
                " error = NULL, finished_at = ?, prompt = ?, result_ext = ?, result_mime = ?,"
                " result_bytes = ?, result_sha256 = ? WHERE id = ?",
                (now, prompt, file.ext, file.mime, file.bytes, file.sha256, job.id),
            )
            return Outcome.DONE

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
    ) -> Outcome:
        def work(c: sqlite3.Connection) -> Outcome:
            job = get_job(c, job_id)
            if job is None or job.worker_id != worker_id or job.kind in BINARY_KINDS:
                return Outcome.NOT_HELD
            if job.state is JobState.DONE and job.json_sha256 == sha256:
                return Outcome.REPEATED
            if job.state is not JobState.CLAIMED or claims != job.claims:
                return Outcome.NOT_HELD
            c.execute(
                "UPDATE jobs SET state = 'done', lease_until = NULL, cancel_requested = 0,"
                " error = NULL, finished_at = ?, prompt = ?, result_json = ?,"
                " result_sha256 = ? WHERE id = ?",
                (now, prompt, result, sha256, job.id),
            )
            return Outcome.DONE

        return await self._database.write(work, durable=True)

    async def fail(
        self, job_id: str, claims: int, error: str, *, retryable: bool, now: float
    ) -> JobRecord | None:
        return await self._database.write(
            partial(_claims.fail, job_id, claims, error, retryable, now)
        )

    async def cancel(self, job_id: str, *, ask: bool, now: float) -> JobRecord | None:
        def work(c: sqlite3.Connection) -> JobRecord | None:
            job = get_job(c, job_id)
            if job is None or job.state not in (JobState.QUEUED, JobState.CLAIMED):
                return None
            if ask and job.state is JobState.CLAIMED:
                c.execute("UPDATE jobs SET cancel_requested = 1 WHERE id = ?", (job.id,))
            else:
                _claims.end_cancelled(c, job.id, now)
            return _known(c, job_id)

        return await self._database.write(work, durable=True)

    async def retry(self, job_id: str, now: float) -> JobRecord | None:
        def work(c: sqlite3.Connection) -> JobRecord | None:
            changed = c.execute(
                "UPDATE jobs SET state = 'queued', attempts = 0, error = NULL, worker_id = NULL,"
                " finished_at = NULL, claimed_at = NULL, cancel_requested = 0"
                " WHERE job_id = ? AND state IN ('failed', 'cancelled')",
                (job_id,),
            ).rowcount
            return _known(c, job_id) if changed else None

        return await self._database.write(work, durable=True)

    async def result_names(self) -> Sequence[str]:
        def work(c: sqlite3.Connection) -> Sequence[str]:
            rows = c.execute(
                "SELECT job_id || '.' || result_ext FROM jobs"
                " WHERE state = 'done' AND result_ext IS NOT NULL"
            )
            return [str(row[0]) for row in rows]

        return await self._database.read(work)


def _known(c: sqlite3.Connection, job_id: str) -> JobRecord:
    job = get_job(c, job_id)
    assert job is not None
    return job
