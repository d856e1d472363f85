"""The way to the pages. Light: what they are made of is loaded with the first request."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from studio_worker_studio.studio import Studio

PATH = "/graphics/ui"
"""Everything of the pages is under here; their cookies are sent nowhere else."""


def page_routes(studio: Studio) -> list[BaseRoute]:
    """The pages, and the addresses that lead to them."""
    return [
        *(Route(path, _lead_on) for path in ("/", "/graphics", "/graphics/", PATH)),
        Mount(PATH, app=_Pages(studio)),
    ]


async def _lead_on(_: Request) -> Response:
    return RedirectResponse(f"{PATH}/", 303)


class _Pages:
    """The pages as an application, made with the first request."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._made: asyncio.Task[Starlette] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(_made, self._studio))
        app = await asyncio.shield(self._made)
        await app(scope, receive, send)


def _made(studio: Studio) -> Starlette:
    from studio_worker_studio.pages.site import Site

    return Site(studio).app
