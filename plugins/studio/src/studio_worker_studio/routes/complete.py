"""``/complete``: a worker delivers a binary result (protocol §4, §5)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.errors import ApiError
from studio_worker_studio.routes.endpoint import Endpoint, worker_of
from studio_worker_studio.store.interface import Outcome
from studio_worker_studio.store.records import JobRecord, JobState, StoredFile, WorkerRecord
from studio_worker_studio.studio import Studio
from studio_worker_studio.upload import ReceivedForm

__all__ = ["ENDPOINTS"]

_PIECE_BYTES = 1024 * 1024
"""How much is collected before it goes to the disk, on a thread of its own."""

_RENEW_SECONDS = 5.0

_MIME_TYPES = {
    "avif": "image/avif",
    "flac": "audio/flac",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "png": "image/png",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}


async def complete(studio: Studio, request: Request) -> Response:
    worker = await worker_of(request, studio)
    job = await studio.jobs.get(request.path_params["job_id"])
    # What can be refused is refused before the body is read. The server goes on to take and
    # drop the rest, so that a client that only listens afterwards still hears the answer.
    job = _acceptable(job, worker, request.path_params["job_id"])
    _check_length(studio, request)
    incoming = studio.results.new_incoming()
    try:
        form = await _receive(studio, request, worker, incoming)
        file = StoredFile(
            ext=form.ext,
            mime=form.mime or _mime_for(form.ext, studio, worker),
            bytes=form.size,
            sha256=form.sha256,
        )
        outcome = await studio.jobs.finish_file(
            job.job_id,
            worker.worker_id,
            job.claims,
            file,
            form.prompt,
            studio.clocks.wall(),
            lambda: studio.results.keep(incoming, job.job_id, file.ext),
        )
    except ClientDisconnect:
        raise ApiError(400, "bad_upload", "the connection was lost") from None
    except OSError as error:
        raise ApiError(507, "storage_failed", f"the result cannot be stored: {error}") from None
    finally:
        await asyncio.to_thread(studio.results.discard, incoming)
    if outcome is Outcome.NOT_HELD:
        raise _not_held(job.job_id)
    if outcome is Outcome.DONE:
        await studio.fleet.job_ended(worker.worker_id, job.job_id)
    return Response(status_code=204)


async def _receive(
    studio: Studio, request: Request, worker: WorkerRecord, incoming: Path
) -> ReceivedForm:
    """The whole form, its file fsynced in ``incoming``. The bytes that come in keep the
    worker's lease alive as heartbeats do."""
    content_type = request.headers.get("content-type", "")
    renewed = studio.clocks.now()
    collected = bytearray()
    with ReceivedForm(content_type, incoming, studio.settings.max_result_bytes) as form:
        async for chunk in request.stream():
            collected += chunk
            if len(collected) >= _PIECE_BYTES:
                await asyncio.to_thread(form.feed, bytes(collected))
                collected.clear()
            if studio.clocks.now() - renewed > _RENEW_SECONDS:
                renewed = studio.clocks.now()
                lease = studio.clocks.wall() + studio.settings.lease_seconds
                await studio.jobs.renew(worker.worker_id, lease)
        await asyncio.to_thread(form.feed, bytes(collected))
        await asyncio.to_thread(form.finish)
    return form


def _acceptable(job: JobRecord | None, worker: WorkerRecord, job_id: str) -> JobRecord:
    if job is None or job.worker_id != worker.worker_id:
        raise _not_held(job_id)
    # A job that is done may be delivered again: the digest will tell.
    if job.state not in (JobState.CLAIMED, JobState.DONE):
        raise _not_held(job_id)
    if job.kind not in BINARY_KINDS:
        raise ApiError(400, "wrong_kind", f"a job of kind {job.kind} is answered with completeJson")
    return job


def _check_length(studio: Studio, request: Request) -> None:
    length = request.headers.get("content-length", "")
    limit = studio.settings.max_result_bytes
    # The form around the file is small; a prompt is the largest part of it.
    if length.isascii() and length.isdigit() and int(length) > limit + 8 * _PIECE_BYTES:
        raise ApiError(413, "too_large", f"a result may have at most {limit} bytes")


def _mime_for(ext: str, studio: Studio, worker: WorkerRecord) -> str:
    session = studio.fleet.sessions.get(worker.worker_id)
    capabilities = worker.capabilities if session is None else session.capabilities
    declared = capabilities.extensions or {}
    return declared.get(ext) or _MIME_TYPES.get(ext, "application/octet-stream")


def _not_held(job_id: str) -> ApiError:
    return ApiError(409, "not_claimed", f"job {job_id} is not claimed by this worker")


ENDPOINTS = (
    Endpoint(
        "POST",
        "/workers/{worker_id}/jobs/{job_id}/complete",
        complete,
        "Deliver a file: multipart/form-data with prompt, ext and image",
        access="worker",
        status=204,
    ),
)
