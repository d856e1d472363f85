"""One job's course as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studio_worker_studio.messages import job_view
from studio_worker_studio.notifier import MAX_IDS, Bell
from studio_worker_studio.routes.endpoint import Endpoint, job_of
from studio_worker_studio.store.records import JobState
from studio_worker_studio.studio import Studio

_LOOK_SECONDS = 15.0
"""A look at least so often: a note may be lost between servers. It is the sign of life, too."""
_UNDER_WAY = (JobState.QUEUED, JobState.CLAIMED)


async def follow(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    return StreamingResponse(
        _course(studio, job.job_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _course(studio: Studio, job_id: str) -> AsyncIterator[bytes]:
    """The job as it is now and whenever it changes, until it has ended. Who comes back after a
    lost connection has missed nothing that still holds."""
    with studio.notifier.listen() as bell:
        shown = b""
        while True:
            job = await studio.jobs.get(job_id)
            if job is None:
                yield b"event: deleted\ndata: {}\n\n"
                return
            progress = studio.fleet.progress.get(job_id)
            view = msgspec.json.encode(job_view(job, progress, whole=False))
            yield b": still here\n\n" if view == shown else b"event: job\ndata: %s\n\n" % view
            shown = view
            if job.state not in _UNDER_WAY or await _is_over(bell, job_id):
                return


async def _is_over(bell: Bell, job_id: str) -> bool:
    """Wait for news of the job, for :data:`_LOOK_SECONDS` at most; whether the studio stops."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            while (changes := await bell.wait()) is not None:
                named = changes.get("jobsChanged", [])
                if job_id in named or len(named) >= MAX_IDS:
                    return False
    except TimeoutError:
        return False
    return True


ENDPOINTS = (
    Endpoint(
        "GET",
        "/jobs/{job_id}/events",
        follow,
        "Server-sent events: job with its state now and at each change, until it has ended",
    ),
)
