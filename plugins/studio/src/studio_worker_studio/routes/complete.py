"""``/complete``: a worker delivers a binary result (protocol §4, §5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from studio_worker_core.wire.tasks import BINARY_KINDS
from studio_worker_studio.errors import ApiError
from studio_worker_studio.media_types import mime_of_ext
from studio_worker_studio.results.interface import Incoming, result_name
from studio_worker_studio.routes.endpoint import Endpoint, whole_number, worker_of
from studio_worker_studio.store.records import (
    JobRecord,
    JobState,
    Receipt,
    StoredFile,
    WorkerRecord,
)
from studio_worker_studio.studio import Studio
from studio_worker_studio.upload import ReceivedForm

_PIECE_BYTES = 1024 * 1024
"""How much is collected before it goes to the disk, on a thread of its own."""

_VOUCH_BYTES = 128 * 1024
"""So much of a result in the time of a lease shows that its upload goes on (4 KB a second)."""


async def complete(studio: Studio, request: Request) -> Response:
    worker = await worker_of(request, studio)
    job = await studio.jobs.get(request.path_params["job_id"])
    # What can be refused is refused before the body is read. The server goes on to take and
    # drop the rest, so that a client that only listens afterwards still hears the answer.
    job = _acceptable(job, worker, request.path_params["job_id"])
    _check_length(studio, request)
    incoming = await _new_incoming(studio)
    try:
        form = await _receive(studio, request, job, incoming)
        if job.kind not in BINARY_KINDS:
            return await _take_json(studio, worker, job, form, incoming)
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
            lambda: incoming.keep(result_name(job.job_id, file.ext), file.sha256),
            meta=form.meta,
        )
    except ClientDisconnect:
        raise ApiError(400, "bad_upload", "the connection was lost") from None
    except OSError as error:
        raise _not_stored(error) from None
    finally:
        await asyncio.to_thread(incoming.discard)
    if outcome is Receipt.NOT_HELD:
        raise _not_held(job.job_id)
    if outcome is Receipt.DONE:
        await studio.fleet.job_done(worker.worker_id, job)
    return Response(status_code=204)


async def _take_json(
    studio: Studio, worker: WorkerRecord, job: JobRecord, form: ReceivedForm, incoming: Incoming
) -> Response:
    """A JSON answer that was too large for a frame."""
    if form.ext != "json":
        reason = f"a job of kind {job.kind} is answered with completeJson, or a file of ext json"
        raise ApiError(400, "wrong_kind", reason)
    data = await asyncio.to_thread(incoming.read)
    try:
        await asyncio.to_thread(msgspec.json.decode, data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ApiError(400, "bad_upload", f"the file is no JSON: {error}") from None
    outcome = await studio.jobs.finish_json(
        job.job_id,
        worker.worker_id,
        job.claims,
        data,
        form.sha256,
        form.prompt,
        studio.clocks.wall(),
        meta=form.meta,
    )
    if outcome is Receipt.NOT_HELD:
        raise _not_held(job.job_id)
    if outcome is Receipt.DONE:
        await studio.fleet.job_done(worker.worker_id, job)
    return Response(status_code=204)


async def _receive(
    studio: Studio, request: Request, job: JobRecord, incoming: Incoming
) -> ReceivedForm:
    """The whole form, its file whole in ``incoming``. The bytes that come in keep the job's
    lease alive as heartbeats do, as long as there are enough of them."""
    content_type = request.headers.get("content-type", "")
    limit = studio.settings.max_result_bytes
    if job.kind not in BINARY_KINDS:
        limit = min(limit, studio.settings.max_json_result_bytes)
    collected = bytearray()
    vouched = total = 0
    _vouch(studio, job)
    form = ReceivedForm(content_type, incoming, limit)
    async for chunk in _chunks(request, studio.settings.upload_silence_seconds):
        collected += chunk
        total += len(chunk)
        if len(collected) >= _PIECE_BYTES:
            await asyncio.to_thread(form.feed, bytes(collected))
            collected.clear()
        if total - vouched >= _VOUCH_BYTES:
            vouched = total
            _vouch(studio, job)
        elif not studio.fleet.leases.stands(job.job_id, job.claims) and not _is_done(job):
            raise _not_held(job.job_id)
    await asyncio.to_thread(form.feed, bytes(collected))
    await asyncio.to_thread(form.finish)
    return form


async def _new_incoming(studio: Studio) -> Incoming:
    try:
        return await asyncio.to_thread(studio.results.receive)
    except OSError as error:
        raise _not_stored(error) from None


def _vouch(studio: Studio, job: JobRecord) -> None:
    if not (studio.fleet.vouch(job.job_id, job.claims) or _is_done(job)):
        raise _not_held(job.job_id)


def _is_done(job: JobRecord) -> bool:
    # Delivered again: there is no lease to keep.
    return job.state is JobState.DONE


async def _chunks(request: Request, silence: float) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises:
        ApiError: 408 when nothing comes for ``silence`` seconds.
    """
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(silence):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            reason = f"nothing came for {silence:g} s"
            raise ApiError(408, "too_slow", reason, headers={"Connection": "close"}) from None
        yield chunk


def _acceptable(job: JobRecord | None, worker: WorkerRecord, job_id: str) -> JobRecord:
    if job is None or job.worker_id != worker.worker_id:
        raise _not_held(job_id)
    # A job that is done may be delivered again: the digest will tell.
    if job.state not in (JobState.CLAIMED, JobState.DONE):
        raise _not_held(job_id)
    return job


def _check_length(studio: Studio, request: Request) -> None:
    length = request.headers.get("content-length", "")
    limit = studio.settings.max_result_bytes
    # The form around the file is small; a prompt is the largest part of it.
    if (size := whole_number(length)) is not None and size > limit + 8 * _PIECE_BYTES:
        raise ApiError(413, "too_large", f"a result may have at most {limit} bytes")


def _mime_for(ext: str, studio: Studio, worker: WorkerRecord) -> str:
    session = studio.fleet.sessions.get(worker.worker_id)
    capabilities = worker.capabilities if session is None else session.capabilities
    declared = capabilities.extensions or {}
    return mime_of_ext(ext, declared)


def _not_stored(error: OSError) -> ApiError:
    return ApiError(507, "storage_failed", f"the result cannot be stored: {error}")


def _not_held(job_id: str) -> ApiError:
    return ApiError(409, "not_claimed", f"job {job_id} is not claimed by this worker")


ENDPOINTS = (
    Endpoint(
        "POST",
        "/workers/{worker_id}/jobs/{job_id}/complete",
        complete,
        "Deliver a file: multipart/form-data with prompt, ext, generationMeta and image",
        access="worker",
        status=204,
    ),
)
