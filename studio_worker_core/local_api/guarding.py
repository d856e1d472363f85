"""Every request is judged here before anything else sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio_worker_core.local_api.access import (
    Access,
    Denial,
    cross_origin_headers,
    is_page,
    judge,
    preflight_headers,
)
from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.draining import Draining
from studio_worker_core.local_api.openai.errors import error_body
from studio_worker_core.network.loopback import is_loopback_host

_log = logging.getLogger("studio_worker.local_api")
_INTERNAL = "internal error of the worker; its log says more"


class Guarded:
    """ASGI middleware: nobody passes but who may (:mod:`.access`)."""

    def __init__(
        self, app: ASGIApp, token: Callable[[], str], hosts: Callable[[], Collection[str]]
    ) -> None:
        self._app = app
        self._token = token
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, then pass it on or refuse it."""
        if scope["type"] != "http":
            return
        draining = Draining(scope, receive, send)
        await self._judged(scope, draining.receive, draining.send)

    async def _judged(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        access = Access(
            method=scope["method"],
            path=scope["path"],
            host=headers.get("host"),
            origin=origin,
            authorization=headers.get("authorization"),
            asks_method=headers.get("access-control-request-method"),
            is_local=is_loopback_host((scope.get("server") or ("",))[0]),
        )
        verdict = judge(access, self._token(), self._hosts())
        if verdict == "preflight":
            asked = headers.get("access-control-request-headers")
            allowed = preflight_headers(origin or "", asked)
            await Response(status_code=204, headers=allowed)(scope, receive, send)
        elif isinstance(verdict, Denial):
            shown = cross_origin_headers(origin) if verdict.status == 401 else {}
            await _refused(scope["path"], verdict, shown)(scope, receive, send)
        else:
            shown = {} if is_page(scope["path"]) else cross_origin_headers(origin)
            await self._answered(scope, receive, _Sending(send, shown))

    async def _answered(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        try:
            await self._app(scope, receive, sending)
        except Exception:  # whatever our own code got wrong, a client is answered
            _log.exception("%s %s: internal error", scope["method"], scope["path"])
            if not sending.begun:
                await _plain(scope["path"], 500, _INTERNAL, {})(scope, receive, sending)


def _refused(path: str, refusal: Denial, headers: dict[str, str]) -> Response:
    if refusal.status == 401:
        headers = {**headers, "www-authenticate": "Bearer"}
    return _plain(path, refusal.status, refusal.message, headers)


def _plain(path: str, status: int, message: str, headers: dict[str, str]) -> Response:
    if path.startswith("/v1/"):
        return json_answer(error_body(status, message), status, headers)
    return PlainTextResponse(message, status, headers=headers)


class _Sending:
    """``send`` with headers added, that knows whether an answer has begun."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send = send
        self._headers = headers
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            MutableHeaders(scope=message).update(self._headers)
        await self._send(message)
