"""The life of a claim as SQL: taken, resumed, released, failed. Each function is the body of
one transaction of the writing thread."""

from __future__ import annotations

import sqlite3

from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.dispatch import Wanted
from studio_worker_studio.store.records import JobRecord, JobState, StoredFile

__all__ = [
    "claim_next",
    "end_cancelled",
    "fail",
    "get_job",
    "held_by",
    "job_of",
    "release",
    "resume",
]


def get_job(c: sqlite3.Connection, job_id: str) -> JobRecord | None:
    """One job by its public id."""
    row = c.execute("SELECT * FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else job_of(row)


def job_of(row: sqlite3.Row) -> JobRecord:
    """A row of the jobs table as a struct."""
    file = None
    if row["result_ext"] is not None:
        file = StoredFile(
            row["result_ext"], row["result_mime"], row["result_bytes"], row["result_sha256"]
        )
    return JobRecord(
        id=row["id"],
        job_id=row["job_id"],
        state=JobState(row["state"]),
        kind=TaskKind(row["kind"]),
        priority=row["priority"],
        model=row["model"],
        engine=row["engine"],
        vram_gb=row["vram_gb"],
        task=row["task"],
        source=row["source"],
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        claims=row["claims"],
        created_at=row["created_at"],
        cancel_requested=bool(row["cancel_requested"]),
        game_id=row["game_id"],
        asset_name=row["asset_name"],
        worker_id=row["worker_id"],
        lease_until=row["lease_until"],
        error=row["error"],
        claimed_at=row["claimed_at"],
        finished_at=row["finished_at"],
        prompt=row["prompt"],
        file=file,
        json=row["result_json"],
        json_sha256=row["result_sha256"] if row["result_json"] is not None else None,
    )


def claim_next(
    wanted: Wanted, worker_id: str, now: float, lease_until: float, c: sqlite3.Connection
) -> JobRecord | None:
    """Find and claim the best job; the set compares, so a job taken meanwhile is passed by."""
    while (found := _best(c, wanted)) is not None:
        changed = c.execute(
            "UPDATE jobs SET state = 'claimed', claims = claims + 1, worker_id = ?,"
            " claimed_at = ?, lease_until = ?, cancel_requested = 0"
            " WHERE id = ? AND state = 'queued'",
            (worker_id, now, lease_until, found),
        ).rowcount
        if changed:
            row = c.execute("SELECT * FROM jobs WHERE id = ?", (found,)).fetchone()
            return job_of(row)
    return None


def _best(c: sqlite3.Connection, wanted: Wanted) -> int | None:
    # A query for each kind: only then does the index give the order.
    found = [row for kind in wanted.kinds if (row := _first_of(c, kind, wanted)) is not None]
    if not found:
        return None
    return int(min(found, key=lambda row: (-row["priority"], row["id"]))["id"])


def _first_of(c: sqlite3.Connection, kind: TaskKind, wanted: Wanted) -> sqlite3.Row | None:
    """The first queued job of a kind that ``wanted`` takes. Models it does not take are left
    out by name, so that a long queue for another worker is passed in one query."""
    refused = list(wanted.refused)
    passed: list[tuple[str, str]] = []
    while True:
        places = ", ".join("?" * len(refused))
        query = " ".join(
            (
                "SELECT id, priority, model, engine, vram_gb FROM jobs",
                "WHERE state = 'queued' AND kind = ? AND vram_gb <= ?",
                f"AND job_id NOT IN ({places})",
                *["AND NOT (model = ? AND engine = ?)"] * len(passed),
                "ORDER BY priority DESC, id LIMIT 1",
            )
        )
        row: sqlite3.Row | None = c.execute(
            query,
            (kind.value, wanted.vram_gb, *refused, *(part for pair in passed for part in pair)),
        ).fetchone()
        if row is None or wanted.takes_model(kind, row["model"], row["engine"], row["vram_gb"]):
            return row
        passed.append((row["model"], row["engine"]))


def held_by(c: sqlite3.Connection, worker_id: str) -> list[JobRecord]:
    """The jobs a worker holds."""
    rows = c.execute(
        "SELECT * FROM jobs WHERE worker_id = ? AND state = 'claimed' ORDER BY id", (worker_id,)
    )
    return [job_of(row) for row in rows]


def resume(
    worker_id: str,
    unfinished: frozenset[str],
    now: float,
    lease_until: float,
    c: sqlite3.Connection,
) -> tuple[list[JobRecord], list[JobRecord], list[JobRecord]]:
    """See :meth:`~studio_worker_studio.store.interface.JobStore.resume`."""
    kept: list[JobRecord] = []
    answered: list[JobRecord] = []
    dropped: list[JobRecord] = []
    for job in held_by(c, worker_id):
        if job.job_id in unfinished:
            c.execute("UPDATE jobs SET lease_until = ? WHERE id = ?", (lease_until, job.id))
            kept.append(job)
        elif (released := release(job.job_id, job.claims, c)) is not None:
            dropped.append(released)
    for job_id in sorted(unfinished - {job.job_id for job in kept}):
        lost = get_job(c, job_id)
        if lost is None or lost.worker_id != worker_id:
            continue
        if lost.state is JobState.QUEUED:
            # The same claim goes on: an upload begun under it is still good.
            c.execute(
                "UPDATE jobs SET state = 'claimed', claimed_at = ?, lease_until = ?"
                " WHERE id = ? AND state = 'queued'",
                (now, lease_until, lost.id),
            )
            kept.append(lost)
        elif lost.state is JobState.DONE:
            answered.append(lost)
    return kept, answered, dropped


def release(job_id: str, claims: int, c: sqlite3.Connection) -> JobRecord | None:
    """Back to the queue. ``worker_id`` stays, for the worker that comes back in time."""
    changed = c.execute(
        "UPDATE jobs SET lease_until = NULL, claimed_at = NULL,"
        " state = CASE cancel_requested WHEN 1 THEN 'cancelled' ELSE 'queued' END"
        " WHERE job_id = ? AND claims = ? AND state = 'claimed'",
        (job_id, claims),
    ).rowcount
    return get_job(c, job_id) if changed else None


def fail(
    job_id: str, claims: int, error: str, retryable: bool, now: float, c: sqlite3.Connection
) -> JobRecord | None:
    """One failed attempt."""
    job = get_job(c, job_id)
    if job is None or job.state is not JobState.CLAIMED or job.claims != claims:
        return None
    if job.cancel_requested:
        end_cancelled(c, job.id, now)
        return get_job(c, job_id)
    again = retryable and job.attempts + 1 < job.max_attempts
    # A new attempt is a new life: the worker that failed has nothing to come back for.
    c.execute(
        "UPDATE jobs SET state = ?, attempts = attempts + 1, error = ?, lease_until = NULL,"
        " worker_id = CASE WHEN ? THEN NULL ELSE worker_id END, finished_at = ? WHERE id = ?",
        ("queued" if again else "failed", error, again, None if again else now, job.id),
    )
    return get_job(c, job_id)


def end_cancelled(c: sqlite3.Connection, ident: int, now: float) -> None:
    """Cancel a job whatever it was doing."""
    c.execute(
        "UPDATE jobs SET state = 'cancelled', lease_until = NULL, cancel_requested = 0,"
        " error = 'cancelled', finished_at = ? WHERE id = ?",
        (now, ident),
    )
