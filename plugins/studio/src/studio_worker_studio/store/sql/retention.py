"""What may be removed, and its removal: results, jobs, keys, by age or because it is asked for.

A result's file goes first and its row second: whatever a crash leaves is still known."""

from __future__ import annotations

from studio_worker_studio.store.records import Expired
from studio_worker_studio.store.sql.transaction import Transaction

_BATCH = 500
_ENDED = "state IN ('done', 'failed', 'cancelled')"
_HAS_RESULT = "result_removed_at IS NULL AND (result_ext IS NOT NULL OR result_json IS NOT NULL)"


def expired_results(before: float, c: Transaction) -> list[Expired]:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.expired_results`."""
    rows = c.execute(
        "SELECT job_id, result_ext FROM jobs WHERE finished_at < ? AND state = 'done'"  # noqa: S608 - fixed text
        f" AND {_HAS_RESULT} ORDER BY finished_at LIMIT ?",
        (before, _BATCH),
    )
    return [Expired(row["job_id"], row["result_ext"]) for row in rows]


def result_removed(job_id: str, now: float, c: Transaction) -> bool:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.result_removed`."""
    return bool(
        c.execute(
            "UPDATE jobs SET result_removed_at = ?, result_json = NULL"  # noqa: S608 - fixed text
            f" WHERE job_id = ? AND state = 'done' AND {_HAS_RESULT}",
            (now, job_id),
        ).rowcount
    )


def forget_jobs(before: float, now: float, c: Transaction) -> int:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.forget_jobs`."""
    # One that was cancelled while it was given back has no time of its end.
    c.execute(
        "UPDATE jobs SET finished_at = ? WHERE state = 'cancelled' AND finished_at IS NULL",
        (now,),
    )
    rows = c.execute(
        f"SELECT job_id FROM jobs WHERE finished_at < ? AND {_ENDED}"  # noqa: S608 - fixed text
        f" AND NOT ({_HAS_RESULT}) ORDER BY finished_at LIMIT ?",
        (before, _BATCH),
    ).fetchall()
    for row in rows:
        delete_job(row["job_id"], c)
    return len(rows)


def forget_keys(before: float, c: Transaction) -> None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.forget_keys`."""
    c.execute("DELETE FROM submissions WHERE created_at < ?", (before,))


def delete_job(job_id: str, c: Transaction) -> bool:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.delete`."""
    gone = c.execute(f"DELETE FROM jobs WHERE job_id = ? AND {_ENDED}", (job_id,)).rowcount  # noqa: S608 - fixed text
    if gone:
        c.execute("DELETE FROM logs WHERE job_id = ?", (job_id,))
    return bool(gone)
