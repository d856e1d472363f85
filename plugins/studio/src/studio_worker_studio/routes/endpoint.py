"""What an endpoint is, and how requests become structs and structs answers."""

from __future__ import annotations

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
from studio_worker_studio.store.records import WorkerRecord
from studio_worker_studio.studio import Studio

__all__ = [
    "API_PREFIX",
    "Endpoint",
    "answer",
    "body_of",
    "not_found",
    "paging",
    "require_operator",
    "studio_of",
    "worker_of",
]

API_PREFIX = "/graphics/api"

T = TypeVar("T")

_MAX_LIMIT = 1000


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
        ApiError: 413 when it is too long, 400 when it is not of that shape.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise ApiError(413, "too_large", f"the body may have at most {max_bytes} bytes")
    try:
        return decode(kind, bytes(data) or b"{}", what="body")
    except WireError as error:
        raise ApiError(400, "invalid_request", error.reason) from None


def paging(request: Request, *, default: int = 100) -> tuple[int, str | None]:
    """``limit`` and ``after`` of the query.

    Raises:
        ApiError: ``limit`` is no number from 1 to 1000.
    """
    text = request.query_params.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_LIMIT:
        raise ApiError(400, "invalid_request", f"limit must be a number from 1 to {_MAX_LIMIT}")
    return int(text), request.query_params.get("after")


def not_found(noun: str, ident: str) -> ApiError:
    """The 404 for something the studio does not know."""
    return ApiError(404, "not_found", f"there is no {noun} {ident!r}")


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
