"""Who may see the page: every route but the sign-in is made here, so that none is left open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from studio_worker_core.local_api.bodies import SMALL, form_of
from studio_worker_core.local_api.errors import Refused
from studio_worker_core.web.sessions import Session, Sessions, same

View = Callable[[Request, Session], Awaitable[Response]]
Change = Callable[[Request, Session, FormData], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

PATH = "/ui"
"""Everything of the page is under here; its cookie is sent nowhere else."""


class Forged(Refused):
    """A change without the token of its session."""

    status = 403
    code = "forged"

    def __init__(self) -> None:
        super().__init__("this form is from an earlier session; reload the page and send it again")


def cookie_name(request: Request) -> str:
    """Browsers share cookies between the ports of a machine, so each worker has its own."""
    return f"studio-worker-{request.url.port or 80}"


def is_fragment(request: Request) -> bool:
    """Whether a part of a page is asked for, by its script."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


class SignedIn:
    """Makes endpoints that only a signed-in browser reaches.

    :param ask: the page that says how to sign in.
    :param look: awaited before a whole page is shown.
    """

    def __init__(
        self,
        sessions: Sessions,
        ask: Callable[[Request], Response],
        look: Callable[[], Awaitable[None]],
    ) -> None:
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

    def change(self, handler: Change, most: Callable[[], int] = lambda: SMALL) -> Endpoint:
        """An endpoint that changes something: a form, with the session's token in it or in a
        header.

        :param most: bytes of the form.
        """

        async def endpoint(request: Request) -> Response:
            session = self.session_of(request)
            if session is None:
                return self._refused(request)
            async with form_of(request, most()) as form:
                shown = request.headers.get("x-csrf") or form.get("csrf")
                if not same(shown if isinstance(shown, str) else None, session.csrf):
                    raise Forged
                return await handler(request, session, form)

        return endpoint

    def session_of(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        return self.sessions.find(request.cookies.get(cookie_name(request), ""))

    def opened(self, request: Request, name: str, to: str) -> Response:
        """Go on to ``to`` in the session of that id."""
        answer = RedirectResponse(to, 303)
        answer.set_cookie(cookie_name(request), name, path=PATH, httponly=True, samesite="strict")
        return answer

    def ended(self, request: Request, to: str) -> Response:
        """Sign out and go to ``to``."""
        self.sessions.end(request.cookies.get(cookie_name(request), ""))
        answer = RedirectResponse(to, 303)
        answer.delete_cookie(cookie_name(request), path=PATH, httponly=True, samesite="strict")
        return answer

    def _refused(self, request: Request) -> Response:
        if not _is_navigation(request):
            return PlainTextResponse("you are signed out", 401)
        return self._ask(request)


def _is_navigation(request: Request) -> bool:
    """Whether a whole page is to be shown."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return not is_fragment(request) and mode == "navigate"
