"""Which ``Idempotency-Key`` made which job, so that asking twice queues once."""

from __future__ import annotations

from studio_worker_studio.store.records import JobRecord, NewJob
from studio_worker_studio.store.sql.rows import insert_job
from studio_worker_studio.store.sql.transaction import Transaction


def known(key: str, c: Transaction) -> tuple[str, str] | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.known_key`."""
    row = c.execute("SELECT body_sha256, job_id FROM submissions WHERE key = ?", (key,)).fetchone()
    return None if row is None else (row["body_sha256"], row["job_id"])


def add(job: NewJob, key: str, body_sha256: str, now: float, c: Transaction) -> JobRecord | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.add_once`."""
    taken = c.execute(
        "INSERT INTO submissions (key, body_sha256, job_id, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (key, body_sha256, job.job_id, now),
    ).rowcount
    return insert_job(c, job, now) if taken else None
