"""Who may see a page: every route but the sign-in is made here, so that none is left open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from studio_worker_core.web.sessions import Session, Sessions, same

View = Callable[[Request, Session], Awaitable[Response]]
Change = Callable[[Request, Session, FormData], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

FORGED = "this form is from an earlier session; reload the page and send it again"


class Site(Struct, frozen=True):
    """What the pages of a program have of their own."""

    path: str
    """Everything is under here; the cookie is sent nowhere else."""
    cookie: str
    """How its name begins: browsers share cookies between the ports of a machine."""
    form_of: Callable[[Request, int], AbstractAsyncContextManager[FormData]]
    """Reads a form of at most so many bytes, or raises what the program answers with."""
    forged: Callable[[str], Exception]
    """What a change without the token of its session is answered with."""
    most: int
    """Most bytes of an ordinary form."""


def is_fragment(request: Request) -> bool:
    """Whether a part of a page is asked for, by its script."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


class SignedIn:
    """Makes endpoints that only a signed-in browser reaches.

    :param ask: the page that says how to sign in.
    :param look: awaited before something is shown or changed, but for parts of pages.
    """

    def __init__(
        self,
        site: Site,
        sessions: Sessions,
        ask: Callable[[Request], Response],
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self._site = site
        self.sessions = sessions
        self._ask = ask
        self._look = look

    def view(self, handler: View) -> Endpoint:
        """An endpoint that shows something."""

        async def endpoint(request: Request) -> Response:
            session = self.session_of(request)
            if session is None:
                return self._refused(request)
            if _is_navigation(request):
                await self._look()
            return await handler(request, session)

        return endpoint

    def change(self, handler: Change, most: Callable[[], int] | None = None) -> Endpoint:
        """An endpoint that changes something: a form, with the session's token in it or in a
        header.

        :param most: bytes of the form, if it is no ordinary one.
        """

        async def endpoint(request: Request) -> Response:
            session = self.session_of(request)
            if session is None:
                return self._refused(request)
            async with self._site.form_of(request, most() if most else self._site.most) as form:
                shown = request.headers.get("x-csrf") or form.get("csrf")
                if not same(shown if isinstance(shown, str) else None, session.csrf):
                    raise self._site.forged(FORGED)
                await self._look()
                return await handler(request, session, form)

        return endpoint

    def session_of(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        return self.sessions.find(request.cookies.get(self._cookie(request), ""))

    def opened(self, request: Request, name: str, to: str) -> Response:
        """Go on to ``to`` in the session of that id."""
        answer = RedirectResponse(to, 303)
        answer.set_cookie(
            self._cookie(request),
            name,
            path=self._site.path,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def ended(self, request: Request, to: str) -> Response:
        """Sign out and go to ``to``."""
        name = self._cookie(request)
        self.sessions.end(request.cookies.get(name, ""))
        answer = RedirectResponse(to, 303)
        answer.delete_cookie(name, path=self._site.path, httponly=True, samesite="strict")
        return answer

    def _cookie(self, request: Request) -> str:
        return f"{self._site.cookie}-{request.url.port or 80}"

    def _refused(self, request: Request) -> Response:
        if not _is_navigation(request):
            return PlainTextResponse("you are signed out", 401)
        return self._ask(request)


def _is_navigation(request: Request) -> bool:
    """Whether a whole page is to be shown."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return not is_fragment(request) and mode == "navigate"
