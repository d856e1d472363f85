"""Result files that lost their row, taken back into the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind
from studio_worker_studio.store.records import JobState, StoredFile
from studio_worker_studio.store.sqlite.rows import get_job

_MODEL = "adopted"


def stored_files(c: sqlite3.Connection) -> Mapping[str, StoredFile]:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.stored_files`."""
    rows = c.execute(
        "SELECT job_id, result_ext, result_mime, result_bytes, result_sha256 FROM jobs"
        " WHERE state = 'done' AND result_ext IS NOT NULL AND result_removed_at IS NULL"
    )
    return {row[0]: StoredFile(row[1], row[2], row[3], row[4]) for row in rows}


def adopt(job_id: str, kind: TaskKind, file: StoredFile, now: float, c: sqlite3.Connection) -> bool:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.adopt`."""
    job = get_job(c, job_id)
    if job is None:
        c.execute(
            "INSERT INTO jobs (job_id, state, kind, priority, model, engine, vram_gb, task,"
            " source, max_attempts, created_at) VALUES (?, 'queued', ?, 0, ?, ?, 0,"
            " CAST(? AS BLOB), CAST(? AS BLOB), 1, ?)",
            (
                *(job_id, kind.value, _MODEL, _MODEL),
                f'{{"kind":"{kind.value}"}}',
                f'{{"engine":"{_MODEL}","files":[]}}',
                now,
            ),
        )
    elif job.state is JobState.DONE or job.kind not in BINARY_KINDS:
        return False
    c.execute(
        "UPDATE jobs SET state = 'done', claims = claims + 1, lease_until = NULL,"
        " cancel_requested = 0, error = NULL, finished_at = ?, result_ext = ?,"
        " result_mime = ?, result_bytes = ?, result_sha256 = ? WHERE job_id = ?",
        (now, file.ext, file.mime, file.bytes, file.sha256, job_id),
    )
    return True
