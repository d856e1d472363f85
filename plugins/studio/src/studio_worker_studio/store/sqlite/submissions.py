"""Which ``Idempotency-Key`` made which job, so that asking twice queues once."""

from __future__ import annotations

import sqlite3

from studio_worker_studio.store.records import JobRecord, NewJob
from studio_worker_studio.store.sqlite.rows import insert_job


def known(key: str, c: sqlite3.Connection) -> tuple[str, str] | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.known_key`."""
    row = c.execute("SELECT body_sha256, job_id FROM submissions WHERE key = ?", (key,)).fetchone()
    return None if row is None else (row[0], row[1])


def add(
    job: NewJob, key: str, body_sha256: str, now: float, c: sqlite3.Connection
) -> JobRecord | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.add_once`."""
    taken = c.execute(
        "INSERT OR IGNORE INTO submissions VALUES (?, ?, ?, ?)",
        (key, body_sha256, job.job_id, now),
    ).rowcount
    return insert_job(c, job, now) if taken else None
