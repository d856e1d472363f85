"""The way to the worker's page: codes that sign a browser in, and the page, loaded when it is
first asked for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from studio_worker_core.local_api.access import PAGE
from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.page_parts import PageParts
from studio_worker_core.web.sessions import CODE_SECONDS, Sessions

if TYPE_CHECKING:
    from studio_worker_core.local_api.page.page import Page

CODES = "/sign-in-codes"
"""``POST`` here, with the API's token, answers with a code for one browser."""


class PageDoor:
    """Routes to the page of one worker; see :class:`.page.page.Page`."""

    def __init__(self, api: Api, parts: PageParts) -> None:
        self._api = api
        self._parts = parts
        self._sessions = Sessions()
        self._lock = threading.Lock()
        self._page: Page | None = None

    def routes(self) -> list[BaseRoute]:
        """The routes, for an application."""
        return [
            Route("/", self.start),
            Route(CODES, self.code, methods=["POST"]),
            Mount(PAGE, app=self._serve),
        ]

    async def start(self, request: Request) -> Response:
        """Lead to the page."""
        return RedirectResponse(f"{PAGE}/", 307)

    async def code(self, request: Request) -> Response:
        """``POST /sign-in-codes``: a code, and where it is taken."""
        code = self._sessions.new_code()
        url = f"{str(request.base_url).rstrip('/')}{PAGE}/sign-in"
        return json_answer({"code": code, "url": url, "expiresInSeconds": CODE_SECONDS})

    def end_streams(self) -> None:
        """Let the server end: nothing is told any more."""
        with self._lock:
            if self._page is not None:
                self._page.end_streams()

    def close(self) -> None:
        """Remove what the page kept."""
        with self._lock:
            if self._page is not None:
                self._page.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._page
        if page is None:
            page = await run_in_threadpool(self._loaded)
        await page.app(scope, receive, send)

    def _loaded(self) -> Page:
        from studio_worker_core.local_api.page.page import Page

        with self._lock:
            if self._page is None:
                self._page = Page(self._api, self._sessions, self._parts)
            return self._page
