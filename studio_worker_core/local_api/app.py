"""The application: every route, and what each kind of error becomes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from studio_worker_core.errors import (
    InsufficientMemory,
    InvalidTask,
    JobError,
    JournalError,
    ModelStoreError,
)
from studio_worker_core.local_api.access import FILES
from studio_worker_core.local_api.answers import RETRY_AFTER, json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.errors import BadRequest, ClientGone, MemoryFull, Refused
from studio_worker_core.local_api.guarding import Guarded
from studio_worker_core.local_api.openai.errors import error_body
from studio_worker_core.local_api.openai.picture_routes import PictureRoutes
from studio_worker_core.local_api.openai.sound_routes import SoundRoutes
from studio_worker_core.local_api.openai.text_routes import TextRoutes
from studio_worker_core.local_api.original.errors import error_answer
from studio_worker_core.local_api.original.picture_routes import PictureInRoutes
from studio_worker_core.local_api.original.routes import OriginalRoutes
from studio_worker_core.local_api.original.text_routes import TextInRoutes
from studio_worker_core.local_api.page_door import PageDoor
from studio_worker_core.local_api.page_parts import NO_PARTS, PageParts

_log = logging.getLogger("studio_worker.local_api")
_ROUTES = (
    PictureRoutes,
    SoundRoutes,
    TextRoutes,
    OriginalRoutes,
    PictureInRoutes,
    TextInRoutes,
)
_EXPECTED = (
    Refused,
    ClientDisconnect,
    HTTPException,
    JobError,
    JournalError,
    ModelStoreError,
    OSError,
)


def build_app(
    api: Api,
    token: Callable[[], str],
    health: Callable[[], Mapping[str, Any]],
    more: Sequence[BaseRoute] = (),
    parts: PageParts = NO_PARTS,
) -> Starlette:
    """The application over one worker.

    :param token: what every request but ``/healthz`` has to show.
    :param health: the answer of ``/healthz``.
    :param more: routes about more of the worker than its jobs.
    :param parts: what the page shows beside the jobs it starts.
    """

    async def healthz(_: Request) -> Response:
        return json_answer(await run_in_threadpool(health))  # it asks the disk

    async def kept(request: Request) -> Response:
        found = api.files.find(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such file, or its hour is over", 404)
        headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
        return FileResponse(found.path, media_type=found.media_type, headers=headers)

    made: list[Route] = []
    for each in _ROUTES:
        made += each(api).routes()
    door = PageDoor(api, parts)
    api.when_stopping(door.end_streams)
    api.when_closed(door.close)
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route(f"{FILES}{{name}}", kept),
            *made,
            *door.routes(),
            *more,
        ],
        middleware=[Middleware(Guarded, token=token, hosts=lambda: api.names().hosts)],
        exception_handlers=dict.fromkeys(_EXPECTED, _failed),
    )


async def _failed(request: Request, error: Exception) -> Response:
    refused = _in_words(request, error)
    is_openai = request.url.path.startswith("/v1/")
    status = refused.status
    headers = dict(RETRY_AFTER) if status == 503 else {}
    if isinstance(error, HTTPException):
        headers |= error.headers or {}
    if is_openai:
        body = error_body(status, refused.message, param=refused.param, code=refused.code)
        return json_answer(body, status, headers)
    return error_answer(request.url.path, refused, headers)


def _in_words(request: Request, error: Exception) -> Refused:
    """Any expected error as one that knows its status."""
    match error:
        case Refused():
            return error
        case ClientDisconnect():
            return ClientGone()
        case InsufficientMemory():
            return MemoryFull(error)
        case InvalidTask():
            return BadRequest(str(error), code="invalid_task")
        case HTTPException(status_code=404):
            return _with_status(404, f"there is nothing at {request.url.path[:200]}", "not_found")
        case HTTPException(status_code=405):
            words = f"{request.method} is not answered here"
            return _with_status(405, words, "method_not_allowed")
        case HTTPException():
            return _with_status(error.status_code, str(error.detail), None)
        case JournalError():
            return _with_status(503, str(error), "journal_unreadable")
        case OSError():
            _log.warning("a request could not be served: %s", error)
            words = f"the worker's disk failed the request: {error.strerror or error}"
            return _with_status(500, words, None)
    return _with_status(500, str(error), "job_failed")


def _with_status(status: int, message: str, code: str | None) -> Refused:
    refused = Refused(message, code=code)
    refused.status = status
    return refused
