"""What is around every view of a program's pages: the rail, the head, the theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.web import assets
from studio_worker_core.web.assets import Assets
from studio_worker_core.web.rendering import THEMES, Renderer
from studio_worker_core.web.sessions import Session


class ViewLink(Struct, frozen=True):
    """A view, in the rail."""

    name: str
    label: str
    icon: str
    href: str


class Frame(Struct, frozen=True, kw_only=True):
    """What the base template knows: first what is the same on all pages of a program, then what
    is filled in for each."""

    name: str
    version: str
    root: str
    """Address of the pages."""
    home: str
    styles: tuple[str, ...]
    alive: str
    current: str = ""
    theme: str = "system"
    csrf: str = ""
    here: str = ""
    views: tuple[ViewLink, ...] = ()
    events: str = ""
    sign_in: str = ""
    """What to do about a session that ended, if it is not what the template says."""


def links_below(path: str, views: tuple[tuple[str, str, str], ...]) -> tuple[ViewLink, ...]:
    """The rail: name, label and icon of each view below ``path``."""
    return tuple(ViewLink(name, label, icon, f"{path}/{name}") for name, label, icon in views)


class Frames:
    """Makes whole pages and parts of them.

    :param frame: what is the same on all pages.
    :param views: the rail of who is signed in.
    :param here: the directory with ``templates`` and ``static``.
    :param standing: what was last known of the program, until somebody has looked.
    :param known: what every template knows beside it.
    """

    def __init__(
        self, frame: Frame, views: tuple[ViewLink, ...], here: Path, standing: Any, **known: Any
    ) -> None:
        self._frame = frame
        self._theme_cookie = f"{frame.name}-theme"
        self._views = views
        self.assets = Assets(f"{frame.root}/static/", assets.SHARED, here / "static")
        self.standing = standing
        """Shown on every page; replaced by whoever looks."""
        self._renderer = Renderer(
            here / "templates", asset=self.assets.url, root=frame.root, **known
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
        theme = request.cookies.get(self._theme_cookie, "system")
        signed_in = session is not None
        frame = replace(
            self._frame,
            current=current,
            theme=theme if theme in THEMES else "system",
            csrf=session.csrf if session is not None else "",
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            views=self._views if signed_in else (),
            events=f"{self._frame.root}/events" if signed_in else "",
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
