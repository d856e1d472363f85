"""What an endpoint is, and how requests become structs and structs answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.errors import WireError
from studio_worker_core.wire.codec import decode
from studio_worker_studio.auth import bearer_of, matches
from studio_worker_studio.errors import ApiError
from studio_worker_studio.store.records import JobRecord, WorkerRecord
from studio_worker_studio.studio import Studio

API_PREFIX = "/graphics/api"

T = TypeVar("T")

_MAX_LIMIT = 1000
_BODY_SECONDS = 60.0
_MAX_CURSOR = 512
_MAX_DIGITS = 18


class Endpoint(Struct, frozen=True):
    """One method on one path below :data:`API_PREFIX`."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handler: Callable[[Studio, Request], Awaitable[Response]]
    summary: str
    access: Literal["operator", "worker", "registrant", "public"] = "operator"
    body: Any = None
    """Type of the JSON body, if it takes one."""
    answer: Any = None
    """Type of the JSON answer, None for other answers."""
    status: int = 200
    query: tuple[str, ...] = ()


def studio_of(request: Request) -> Studio:
    """The studio that serves the request."""
    return cast("Studio", request.app.state.studio)


def answer(value: Any, status: int = 200) -> Response:
    """A struct as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def body_of(request: Request, kind: type[T], max_bytes: int) -> T:
    """The JSON body as a struct; an empty body reads as ``{}``.

    Raises:
        ApiError: 413 when it is too long, 408 when it does not come, 400 when it is not of
            that shape.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                data += chunk
                if len(data) > max_bytes:
                    reason = f"the body may have at most {max_bytes} bytes"
                    raise ApiError(413, "too_large", reason)
    except TimeoutError:
        reason = f"the body took more than {_BODY_SECONDS:g} s"
        raise ApiError(408, "too_slow", reason, headers={"Connection": "close"}) from None
    try:
        return decode(kind, bytes(data) or b"{}", what="body")
    except WireError as error:
        raise ApiError(400, "invalid_request", error.reason) from None


def paging(request: Request, *, default: int = 100) -> tuple[int, str | None]:
    """``limit`` and ``after`` of the query.

    Raises:
        ApiError: ``limit`` is no number from 1 to 1000.
    """
    limit = whole_number(request.query_params.get("limit", str(default)))
    if limit is None or not 1 <= limit <= _MAX_LIMIT:
        raise ApiError(400, "invalid_request", f"limit must be a number from 1 to {_MAX_LIMIT}")
    after = request.query_params.get("after")
    if after is not None and len(after) > _MAX_CURSOR:
        raise ApiError(400, "invalid_request", "after is none of the ids of this list")
    return limit, after


def whole_number(text: str) -> int | None:
    """``text`` as a number of up to 18 digits, which every store can hold; None for others."""
    plain = text.isascii() and text.isdigit()
    return int(text) if plain and len(text) <= _MAX_DIGITS else None


def newest_first(request: Request) -> bool:
    """Whether the query says ``order=newest``; without it a list begins with the oldest.

    Raises:
        ApiError: another order.
    """
    order = request.query_params.get("order", "oldest")
    if order not in ("oldest", "newest"):
        raise ApiError(400, "invalid_request", "order must be oldest or newest")
    return order == "newest"


def not_found(noun: str, ident: str) -> ApiError:
    """The 404 for something the studio does not know."""
    shown = ident if len(ident) <= _MAX_CURSOR else f"{ident[:40]}…"
    return ApiError(404, "not_found", f"there is no {noun} {shown!r}")


def require_operator(request: Request) -> None:
    """
    Raises:
        ApiError: 401 unless the request carries the operator token.
    """
    if not matches(bearer_of(request.headers), studio_of(request).operator_token_hash):
        raise ApiError(
            401,
            "unauthorized",
            "this needs the operator token as bearer",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def job_of(studio: Studio, request: Request) -> JobRecord:
    """The job the path names.

    Raises:
        ApiError: 404 when there is none.
    """
    job_id = request.path_params["job_id"]
    job = await studio.jobs.get(job_id)
    if job is None:
        raise not_found("job", job_id)
    return job


async def worker_of(request: Request, studio: Studio) -> WorkerRecord:
    """The worker the path names, which must prove that it is the one.

    Raises:
        ApiError: 401 when it cannot, or was deleted.
    """
    worker = await studio.workers.get(request.path_params["worker_id"])
    known = worker is not None and worker.deleted_at is None
    if not known or worker is None or not matches(bearer_of(request.headers), worker.token_hash):
        raise ApiError(401, "auth_failed", "the token is not valid for this worker")
    return worker
