"""Looking at a running studio: log entries, server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import LogView, Page
from studio_worker_studio.routes.endpoint import (
    Endpoint,
    answer,
    newest_first,
    paging,
    whole_number,
)
from studio_worker_studio.studio import Studio

_KEEP_ALIVE_SECONDS = 15.0
_QUIET_SECONDS = 0.1
"""Changes within this time are told as one."""


async def list_logs(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    place = None if after is None else whole_number(after)
    if after is not None and place is None:
        raise ApiError(400, "invalid_request", "after must be the id of a log entry")
    records = await studio.logs.page(
        job_id=request.query_params.get("jobId"),
        worker_id=request.query_params.get("workerId"),
        after=place,
        limit=limit + 1,
        newest_first=newest_first(request),
    )
    items = [
        LogView(
            id=record.id,
            worker_id=record.worker_id,
            ts=record.entry.ts,
            level=record.entry.level,
            category=record.entry.category,
            message=record.entry.message,
            job_id=record.entry.job_id,
        )
        for record in records[:limit]
    ]
    return answer(Page(items=items, next=str(items[-1].id) if len(records) > limit else None))


async def delete_logs(studio: Studio, request: Request) -> Response:
    await studio.logs.delete(
        job_id=request.query_params.get("jobId"), worker_id=request.query_params.get("workerId")
    )
    studio.notifier.tell("logs")
    return Response(status_code=204)


async def events(studio: Studio, _request: Request) -> Response:
    return StreamingResponse(
        _stream(studio),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(studio: Studio) -> AsyncIterator[bytes]:
    with studio.notifier.listen() as bell:
        yield b": listening\n\n"
        while True:
            try:
                async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                    changes = await bell.wait()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if changes is None:
                return
            for change, idents in changes.items():
                data = msgspec.json.encode({"ids": idents})
                yield b"event: %s\ndata: %s\n\n" % (change.encode(), data)
            await asyncio.sleep(_QUIET_SECONDS)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/logs",
        list_logs,
        "Log entries the workers shipped",
        answer=Page[LogView],
        query=("limit", "after", "jobId", "workerId", "order"),
    ),
    Endpoint(
        "DELETE",
        "/logs",
        delete_logs,
        "Delete all log entries, or those of a job or a worker",
        status=204,
        query=("jobId", "workerId"),
    ),
    Endpoint("GET", "/events", events, "Server-sent events: workersChanged, jobsChanged, logs"),
)
