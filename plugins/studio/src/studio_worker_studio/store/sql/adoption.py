"""Result files that lost their row, taken back into the database."""

from __future__ import annotations

from collections.abc import Mapping

from studio_worker_core.wire.tasks import BINARY_KINDS, TaskKind
from studio_worker_studio.store.records import JobState, StoredFile
from studio_worker_studio.store.sql.rows import file_of, lock_job
from studio_worker_studio.store.sql.transaction import Transaction

_MODEL = "adopted"


def stored_files(c: Transaction) -> Mapping[str, StoredFile]:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.stored_files`."""
    rows = c.execute(
        "SELECT job_id, result_ext, result_mime, result_bytes, result_sha256 FROM jobs"
        " WHERE state = 'done' AND result_ext IS NOT NULL AND result_removed_at IS NULL"
    )
    return {row["job_id"]: file_of(row) for row in rows}


def adopt(job_id: str, kind: TaskKind, file: StoredFile, now: float, c: Transaction) -> bool:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.adopt`."""
    job = lock_job(c, job_id)
    if job is None:
        c.execute(
            "INSERT INTO jobs (job_id, state, kind, priority, model, engine, vram_gb, task,"
            " source, max_attempts, created_at) VALUES (?, 'queued', ?, 0, ?, ?, 0, ?, ?, 1, ?)",
            (
                *(job_id, kind.value, _MODEL, _MODEL),
                f'{{"kind":"{kind.value}"}}'.encode(),
                f'{{"engine":"{_MODEL}","files":[]}}'.encode(),
                now,
            ),
        )
    elif job.state is JobState.DONE or job.kind not in BINARY_KINDS:
        return False
    c.execute(
        "UPDATE jobs SET state = 'done', claims = claims + 1,"
        " cancel_requested = FALSE, error = NULL, finished_at = ?, result_ext = ?,"
        " result_mime = ?, result_bytes = ?, result_sha256 = ? WHERE job_id = ?",
        (now, file.ext, file.mime, file.bytes, file.sha256, job_id),
    )
    return True
