"""Rows of the jobs table, read and made. Each function is part of a transaction."""

from __future__ import annotations

import msgspec

from studio_worker_core.wire.generation import meta_from
from studio_worker_core.wire.tasks import TaskKind, task_kind
from studio_worker_studio.shapes import shape_of
from studio_worker_studio.store.records import JobRecord, JobState, NewJob, StoredFile
from studio_worker_studio.store.sql.transaction import Row, Transaction

_MOST_LISTED = 16 * 1024
LISTED = (
    "id, job_id, state, kind, priority, model, engine, vram_gb, attempts, max_attempts, claims,"
    " created_at, cancel_requested, game_id, asset_name, worker_id, error, claimed_at,"
    " finished_at, result_ext, result_mime, result_bytes, result_sha256, result_removed_at,"
    " length(result_json) AS json_bytes,"
    f" CASE WHEN length(task) <= {_MOST_LISTED} THEN task END AS task,"
    f" CASE WHEN length(meta) <= {_MOST_LISTED} THEN meta END AS meta"
)
"""The columns of a job in a list."""


def get_job(c: Transaction, job_id: str) -> JobRecord | None:
    """One job by its public id."""
    row = c.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else job_of(row)


def lock_job(c: Transaction, job_id: str) -> JobRecord | None:
    """The same, for a transaction that goes on to change it: others wait for that."""
    query = f"SELECT * FROM jobs WHERE job_id = ?{c.for_update}"  # noqa: S608 - fixed text
    row = c.execute(query, (job_id,)).fetchone()
    return None if row is None else job_of(row)


def file_of(row: Row) -> StoredFile:
    """The result file of a row that has one."""
    return StoredFile(
        row["result_ext"], row["result_mime"], row["result_bytes"], row["result_sha256"]
    )


def job_of(row: Row) -> JobRecord:
    """A whole row of the jobs table as a struct."""
    json = row["result_json"]
    return msgspec.structs.replace(
        _listed(row, None if json is None else len(json)),
        source=row["source"],
        prompt=row["prompt"],
        json=json,
    )


def listed_job_of(row: Row) -> JobRecord:
    """A row of :data:`LISTED` as a struct."""
    return _listed(row, row["json_bytes"])


def _listed(row: Row, json_bytes: int | None) -> JobRecord:
    file = None
    removed_at = row["result_removed_at"]
    if row["result_ext"] is not None and removed_at is None:
        file = file_of(row)
    return JobRecord(
        id=row["id"],
        job_id=row["job_id"],
        state=JobState(row["state"]),
        kind=TaskKind(row["kind"]),
        priority=row["priority"],
        model=row["model"],
        engine=row["engine"],
        vram_gb=row["vram_gb"],
        task=row["task"] or b"",
        source=b"",
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        claims=row["claims"],
        created_at=row["created_at"],
        cancel_requested=bool(row["cancel_requested"]),
        game_id=row["game_id"],
        asset_name=row["asset_name"],
        worker_id=row["worker_id"],
        error=row["error"],
        claimed_at=row["claimed_at"],
        finished_at=row["finished_at"],
        file=file,
        json_sha256=row["result_sha256"] if json_bytes is not None else None,
        json_bytes=json_bytes,
        result_removed_at=removed_at,
        meta=meta_from(row["meta"]),
    )


def known_job(c: Transaction, job_id: str) -> JobRecord:
    """One that is sure to be there."""
    job = get_job(c, job_id)
    assert job is not None
    return job


def insert_job(c: Transaction, job: NewJob, now: float) -> JobRecord:
    """Queue a job, as part of a transaction."""
    c.execute(
        "INSERT INTO jobs (job_id, state, kind, priority, model, engine, shape, vram_gb, task,"
        " source, game_id, asset_name, max_attempts, created_at)"
        " VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.job_id,
            task_kind(job.task).value,
            job.priority,
            job.model,
            job.source.engine,
            int(shape_of(job.source)),
            job.vram_gb,
            msgspec.json.encode(job.task),
            msgspec.json.encode(job.source),
            job.game_id,
            job.asset_name,
            job.max_attempts,
            now,
        ),
    )
    return known_job(c, job.job_id)
