"""The life of a claim as SQL: taken, resumed, released, failed. Each function is the body of
one transaction of the writing thread."""

from __future__ import annotations

from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.store.sql.rows import get_job, job_of, lock_job
from studio_worker_studio.store.sql.transaction import Transaction

_LOST = (
    "its worker was lost while it had this job, in the last of {times} attempts: it died, or its "
    "connection did not come back in time"
)
_HELD = "SELECT * FROM jobs WHERE worker_id = ? AND state = 'claimed' ORDER BY id"


def claim(job: int, worker_id: str, now: float, c: Transaction) -> JobRecord | None:
    """Claim a job by its number; None when it was taken meanwhile, or is being taken."""
    rows = c.execute(
        "UPDATE jobs SET state = 'claimed', claims = claims + 1, worker_id = ?,"  # noqa: S608 - fixed text
        " claimed_at = ?, cancel_requested = FALSE WHERE id ="
        f" (SELECT id FROM jobs WHERE id = ? AND state = 'queued'{c.skip_locked}) RETURNING *",
        (worker_id, now, job),
    ).fetchall()
    return job_of(rows[0]) if rows else None


def held_by(c: Transaction, worker_id: str) -> list[JobRecord]:
    """The jobs a worker holds."""
    rows = c.execute(_HELD, (worker_id,))
    return [job_of(row) for row in rows]


def resume(
    worker_id: str,
    unfinished: frozenset[str],
    orphaned: frozenset[str],
    now: float,
    c: Transaction,
) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.resume`."""
    kept: list[JobRecord] = []
    answered: list[JobRecord] = []
    dropped: list[JobRecord] = []
    for job in map(job_of, c.execute(_HELD + c.for_update, (worker_id,)).fetchall()):
        if job.job_id in unfinished:
            kept.append(job)
            continue
        lost = job.job_id in orphaned
        if (released := release(job.job_id, job.claims, lost, now, c)) is not None:
            dropped.append(released)
    for job_id in sorted(unfinished - {job.job_id for job in kept}):
        lapsed = lock_job(c, job_id)
        if lapsed is None or lapsed.worker_id != worker_id:
            continue
        if lapsed.state is JobState.QUEUED:
            # The same claim goes on: an upload begun under it is still good.
            c.execute(
                "UPDATE jobs SET state = 'claimed', claimed_at = ?"
                " WHERE id = ? AND state = 'queued'",
                (now, lapsed.id),
            )
            kept.append(lapsed)
        elif lapsed.state is JobState.DONE:
            answered.append(lapsed)
    return kept, answered, dropped


def release(
    job_id: str, claims: int, counted: bool, now: float, c: Transaction
) -> JobRecord | None:
    """Back to the queue. ``worker_id`` stays, for the worker that comes back in time."""
    job = lock_job(c, job_id)
    if job is None or job.state is not JobState.CLAIMED or job.claims != claims:
        return None
    if job.cancel_requested:
        end_cancelled(c, job.id, now)
    elif counted and job.attempts + 1 >= job.max_attempts:
        c.execute(
            "UPDATE jobs SET state = 'failed', attempts = attempts + 1, error = ?,"
            " finished_at = ? WHERE id = ?",
            (_LOST.format(times=job.attempts + 1), now, job.id),
        )
    else:
        c.execute(
            "UPDATE jobs SET state = 'queued', claimed_at = NULL, attempts = attempts + ?"
            " WHERE id = ?",
            (int(counted), job.id),
        )
    return get_job(c, job_id)


def fail(
    job_id: str, claims: int, error: str, retryable: bool, now: float, c: Transaction
) -> JobRecord | None:
    """One failed attempt."""
    job = lock_job(c, job_id)
    if job is None or job.state is not JobState.CLAIMED or job.claims != claims:
        return None
    if job.cancel_requested:
        end_cancelled(c, job.id, now)
        return get_job(c, job_id)
    again = retryable and job.attempts + 1 < job.max_attempts
    # A new attempt is a new life: the worker that failed has nothing to come back for.
    c.execute(
        "UPDATE jobs SET state = ?, attempts = attempts + 1, error = ?,"
        " worker_id = CASE WHEN ? THEN NULL ELSE worker_id END, finished_at = ? WHERE id = ?",
        ("queued" if again else "failed", error, again, None if again else now, job.id),
    )
    return get_job(c, job_id)


def end_cancelled(c: Transaction, ident: int, now: float) -> None:
    """Cancel a job whatever it was doing."""
    c.execute(
        "UPDATE jobs SET state = 'cancelled', cancel_requested = FALSE,"
        " error = 'cancelled', finished_at = ? WHERE id = ?",
        (now, ident),
    )
