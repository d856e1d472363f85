"""Fetching and removing the results of finished jobs."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.wire.media_types import OCTET_STREAM
from studio_worker_studio.errors import ApiError
from studio_worker_studio.media_types import content_disposition, plain_mime
from studio_worker_studio.ranges import Span, wanted_ranges
from studio_worker_studio.results.interface import result_name
from studio_worker_studio.routes.endpoint import Endpoint, job_of
from studio_worker_studio.routes.sending import FileAnswer
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.studio import Studio

# A worker chose the MIME type: whatever it is, a browser must not run it as ours.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


async def get_result(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    if job.state is not JobState.DONE:
        raise ApiError(409, "no_result", f"job {job.job_id} is {job.state}, not done")
    if job.result_removed_at is not None:
        raise _gone(job)
    if job.file is None:
        return Response(job.json or b"null", media_type="application/json", headers=_HEADERS)
    name = result_name(job.job_id, job.file.ext)
    try:
        reader = await asyncio.to_thread(studio.results.open, name)
    except OSError:
        raise _gone(job) from None
    # One stored by an earlier version was not checked then.
    mime = plain_mime(job.file.mime) or OCTET_STREAM
    tag = f'"{job.file.sha256}"'
    try:
        parts = _parts(request, tag, reader.size)
    except ApiError:
        reader.close()
        raise
    disposition = content_disposition(mime, name)
    headers = {**_HEADERS, "ETag": tag, "Content-Disposition": disposition}
    return FileAnswer(reader, parts, media_type=mime, headers=headers)


async def delete_result(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    if not await studio.housekeeping.remove_result(job):
        raise ApiError(409, "no_result", f"job {job.job_id} is {job.state} and has no result")
    return Response(status_code=204)


def _parts(request: Request, tag: str, size: int) -> list[Span] | None:
    header = request.headers.get("range")
    if header is None or request.headers.get("if-range", tag) != tag:
        return None
    return wanted_ranges(header, size)


def _gone(job: JobRecord) -> ApiError:
    return ApiError(410, "result_gone", f"the result of job {job.job_id} was removed")


_PATH = "/jobs/{job_id}/result"

ENDPOINTS = (
    Endpoint("GET", _PATH, get_result, "The file, ranges supported, or the JSON answer"),
    Endpoint("DELETE", _PATH, delete_result, "Remove the result; the job stays", status=204),
)
