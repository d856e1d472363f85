"""Who may see the pages: every route but the sign-in is made here, so that none is left open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Message, Receive

from studio_worker_core.web.sessions import Session, Sessions, same
from studio_worker_studio.errors import ApiError
from studio_worker_studio.pages.entrance import PATH

View = Callable[[Request, Session], Awaitable[Response]]
Change = Callable[[Request, Session, FormData], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

SMALL = 1 << 20
"""Most bytes of an ordinary form."""
_FORM_SECONDS = 60.0


def cookie_name(request: Request) -> str:
    """Browsers share cookies between the ports of a machine, so each studio has its own."""
    return f"studio-{request.url.port or 80}"


def is_fragment(request: Request) -> bool:
    """Whether a part of a page is asked for, by its script."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


class SignedIn:
    """Makes endpoints that only a signed-in browser reaches.

    :param ask: the page that asks for the operator token.
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

    def change(self, handler: Change, most: int = SMALL) -> Endpoint:
        """An endpoint that changes something: a form, with the session's secret in it or in a
        header.

        :param most: bytes of the form.
        """

        async def endpoint(request: Request) -> Response:
            session = self.session_of(request)
            if session is None:
                return self._refused(request)
            async with form_of(request, most) as form:
                shown = request.headers.get("x-csrf") or form.get("csrf")
                if not same(shown if isinstance(shown, str) else None, session.csrf):
                    raise ApiError(
                        403,
                        "forged",
                        "this form is from an earlier session; reload the page and send it again",
                    )
                await self._look()
                return await handler(request, session, form)

        return endpoint

    def session_of(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        return self.sessions.find(request.cookies.get(cookie_name(request), ""))

    def opened(self, request: Request, to: str) -> Response:
        """Go on to ``to`` in a session of its own."""
        name = self.sessions.open(self.sessions.new_code())
        answer = RedirectResponse(to, 303)
        answer.set_cookie(
            cookie_name(request),
            name or "",
            path=PATH,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
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


@contextlib.asynccontextmanager
async def form_of(request: Request, most: int) -> AsyncIterator[FormData]:
    """The form in the body; files beyond a megabyte lie on disk while this is entered.

    Raises:
        ApiError: 413 when it has more than ``most`` bytes, 408 when it does not come, 400 when
            it is no form.
    """
    bounded = Request(request.scope, _bounded(request.receive, most))
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            form = await bounded.form(max_files=8, max_fields=100, max_part_size=SMALL)
    except TimeoutError:
        raise ApiError(408, "too_slow", f"the form took more than {_FORM_SECONDS:g} s") from None
    except HTTPException as error:  # as which Starlette raises what its parser refuses
        raise ApiError(400, "invalid_request", f"this is no form: {error.detail}") from None
    try:
        yield form
    finally:
        await form.close()


def _bounded(receive: Receive, most: int) -> Receive:
    seen = 0

    async def take() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise ApiError(413, "too_large", f"the form may have at most {most} bytes")
        return message

    return take


def _is_navigation(request: Request) -> bool:
    """Whether a whole page is to be shown."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return not is_fragment(request) and mode == "navigate"
