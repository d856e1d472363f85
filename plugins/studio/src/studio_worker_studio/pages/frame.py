"""What is around every view: the rail, the head, the theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.web import assets
from studio_worker_core.web.assets import Assets
from studio_worker_core.web.rendering import THEMES, Renderer
from studio_worker_core.web.sessions import Session
from studio_worker_studio import __version__
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.standing import Standing
from studio_worker_studio.pages.words import KINDS, SIGNS

_HERE = Path(__file__).parent


class ViewLink(Struct, frozen=True):
    """A view, in the rail."""

    name: str
    label: str
    icon: str

    @property
    def href(self) -> str:
        """Where it is."""
        return f"{PATH}/{self.name}"


VIEWS = (
    ViewLink("overview", "Overview", "eye"),
    ViewLink("queue", "Queue", "jobs"),
    ViewLink("gallery", "Gallery", "image"),
    ViewLink("workers", "Workers", "worker"),
    ViewLink("pending", "Pending", "clock"),
    ViewLink("models", "Models", "models"),
    ViewLink("logs", "Logs", "logs"),
)


class Frame(Struct, frozen=True):
    """What the base template knows."""

    current: str
    theme: str
    csrf: str
    here: str
    views: tuple[ViewLink, ...]
    name: str = "studio"
    version: str = __version__
    root: str = PATH
    home: str = f"{PATH}/"
    styles: tuple[str, ...] = ("studio.css",)
    events: str = ""
    alive: str = f"{PATH}/alive"
    sign_in: str = "sign in again in another tab, then reload this page"
    """What to do about a session that ended."""


class Frames:
    """Makes whole pages and parts of them."""

    def __init__(self) -> None:
        self.assets = Assets(f"{PATH}/static/", assets.SHARED, _HERE / "static")
        self.standing = Standing()
        """What was last known of the studio."""
        self._renderer = Renderer(
            _HERE / "templates",
            asset=self.assets.url,
            root=PATH,
            kinds=KINDS,
            signs=SIGNS,
        )

    def page(
        self,
        request: Request,
        session: Session | None,
        template: str,
        title: str,
        current: str,
        status: int = 200,
        **values: Any,
    ) -> Response:
        """A whole page; without a session only what everybody may see."""
        theme = request.cookies.get("studio-theme", "system")
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        frame = Frame(
            current=current,
            theme=theme if theme in THEMES else "system",
            csrf=session.csrf if session is not None else "",
            here=address,
            views=VIEWS if session is not None else (),
            events=f"{PATH}/events" if session is not None else "",
        )
        return self._renderer.page(
            template,
            status,
            title=title,
            frame=frame,
            csrf=frame.csrf,
            standing=self.standing,
            **values,
        )

    def fragment(self, template: str, status: int = 200, **values: Any) -> Response:
        """A part of a page."""
        return self._renderer.page(template, status, **values)
