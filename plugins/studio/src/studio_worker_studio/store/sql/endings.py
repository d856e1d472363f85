"""How a job ends by somebody's word, as SQL: done, cancelled, and queued again afterwards. Each
function is the body of one transaction of the writing thread."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from studio_worker_core.wire.generation import GenerationMeta
from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.store.records import JobRecord, JobState, Receipt, StoredFile
from studio_worker_studio.store.sql.claims import end_cancelled
from studio_worker_studio.store.sql.rows import known_job, lock_job
from studio_worker_studio.store.sql.transaction import Transaction


def finish_file(
    job_id: str,
    worker_id: str,
    claims: int,
    file: StoredFile,
    prompt: str | None,
    now: float,
    keep: Callable[[], None],
    meta: GenerationMeta | None,
    c: Transaction,
) -> Receipt:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.finish_file`."""
    job = lock_job(c, job_id)
    if job is None or job.worker_id != worker_id:
        return Receipt.NOT_HELD
    if job.state is JobState.DONE and job.file and job.file.sha256 == file.sha256:
        return Receipt.REPEATED
    if job.state is not JobState.CLAIMED or claims != job.claims:
        return Receipt.NOT_HELD
    keep()
    c.execute(
        "UPDATE jobs SET state = 'done', cancel_requested = FALSE,"
        " error = NULL, finished_at = ?, prompt = ?, result_ext = ?, result_mime = ?,"
        " result_bytes = ?, result_sha256 = ?, meta = ? WHERE id = ?",
        (now, prompt, file.ext, file.mime, file.bytes, file.sha256, _json(meta), job.id),
    )
    return Receipt.DONE


def finish_json(
    job_id: str,
    worker_id: str,
    claims: int | None,
    result: bytes,
    sha256: str,
    prompt: str | None,
    now: float,
    meta: GenerationMeta | None,
    c: Transaction,
) -> Receipt:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.finish_json`."""
    job = lock_job(c, job_id)
    if job is None or job.worker_id != worker_id or job.kind in BINARY_KINDS:
        return Receipt.NOT_HELD
    if job.state is JobState.DONE and job.json_sha256 == sha256:
        return Receipt.REPEATED
    if job.state is not JobState.CLAIMED or claims != job.claims:
        return Receipt.NOT_HELD
    c.execute(
        "UPDATE jobs SET state = 'done', cancel_requested = FALSE,"
        " error = NULL, finished_at = ?, prompt = ?, result_json = ?,"
        " result_sha256 = ?, meta = ? WHERE id = ?",
        (now, prompt, result, sha256, _json(meta), job.id),
    )
    return Receipt.DONE


def cancel(job_id: str, ask: bool, now: float, c: Transaction) -> JobRecord | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.cancel`."""
    job = lock_job(c, job_id)
    if job is None or job.state not in (JobState.QUEUED, JobState.CLAIMED):
        return None
    if ask and job.state is JobState.CLAIMED:
        c.execute("UPDATE jobs SET cancel_requested = TRUE WHERE id = ?", (job.id,))
    else:
        end_cancelled(c, job.id, now)
    return known_job(c, job_id)


def retry(job_id: str, c: Transaction) -> JobRecord | None:
    """See :meth:`~studio_worker_studio.store.jobs.JobStore.retry`."""
    changed = c.execute(
        "UPDATE jobs SET state = 'queued', attempts = 0, error = NULL, worker_id = NULL,"
        " finished_at = NULL, claimed_at = NULL, cancel_requested = FALSE"
        " WHERE job_id = ? AND state IN ('failed', 'cancelled')",
        (job_id,),
    ).rowcount
    return known_job(c, job_id) if changed else None


def _json(meta: GenerationMeta | None) -> bytes | None:
    return None if meta is None else msgspec.json.encode(meta)
