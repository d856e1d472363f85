"""Answers of the local API: JSON, files that are given back once sent, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from studio_worker_core.local_api.work import Made

RETRY_AFTER = {"retry-after": "5"}


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``body`` as JSON."""
    return Response(
        msgspec.json.encode(body), status, headers=headers, media_type="application/json"
    )


def event_stream(events: Iterator[bytes]) -> Response:
    """Server-sent events, which no proxy is to hold back."""
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


class ResultAnswer(FileResponse):
    """The file of a job, given back once it was sent or the client has gone."""

    def __init__(self, made: Made) -> None:
        assert made.path is not None
        super().__init__(made.path, media_type=made.media_type)
        self.headers["x-job-id"] = made.job_id
        if "seed" in made.meta:
            self.headers["x-seed"] = str(made.meta["seed"])
        self._made = made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._made.release)
