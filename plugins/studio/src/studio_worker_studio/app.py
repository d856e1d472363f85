"""The ASGI application around one studio."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from studio_worker_studio.errors import ApiError, StoreError
from studio_worker_studio.loopback import LoopbackOnly
from studio_worker_studio.messages import ErrorBody
from studio_worker_studio.pages.entrance import page_routes
from studio_worker_studio.routes.endpoint import (
    API_PREFIX,
    Endpoint,
    answer,
    require_operator,
    studio_of,
)
from studio_worker_studio.routes.openapi import openapi_document
from studio_worker_studio.routes.operations import UNPREFIXED
from studio_worker_studio.routes.session import connect
from studio_worker_studio.routes.table import ENDPOINTS
from studio_worker_studio.studio import Studio


def build_app(studio: Studio) -> Starlette:
    """The application; it starts and stops ``studio`` with its lifespan."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await studio.start()
        try:
            yield
        finally:
            await studio.stop()

    app = Starlette(
        routes=[*_routes(), *page_routes(studio)],
        lifespan=lifespan,
        exception_handlers={
            ApiError: _refused,
            HTTPException: _http_error,
            StoreError: _store_error,
        },
    )
    if not studio.settings.trusted_proxies:
        app.add_middleware(LoopbackOnly)
    app.state.studio = studio
    return app


def _routes() -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        WebSocketRoute(f"{API_PREFIX}/workers/{{worker_id}}/connect", connect),
        Route(f"{API_PREFIX}/openapi.json", _openapi, methods=["GET"]),
    ]
    # One route for each path, so that a wrong method is 405 and names the right ones.
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    for path, methods in by_path.items():
        routes.append(Route(API_PREFIX + path, _endpoint(methods), methods=list(methods)))
    # Where those who watch over processes look for them.
    for path in UNPREFIXED:
        routes.append(Route(path, _endpoint(by_path[path]), methods=list(by_path[path])))
    return routes


def _endpoint(methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        endpoint = methods.get(request.method) or methods["GET"]  # HEAD
        if endpoint.access == "operator":
            require_operator(request)
        return await endpoint.handler(studio_of(request), request)

    return handle


@functools.cache
def _openapi_bytes() -> bytes:
    return answer(openapi_document(ENDPOINTS)).body  # type: ignore[return-value]


async def _openapi(_: Request) -> Response:
    return Response(_openapi_bytes(), media_type="application/json")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    response = answer(ErrorBody(error.code, error.message), error.status)
    response.headers.update(error.headers)
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    message = f"{request.method} {request.url.path}: {error.detail}"
    response = answer(ErrorBody(code, message), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _store_error(_: Request, error: Exception) -> Response:
    return answer(ErrorBody("storage_failed", str(error)), 503)
