"""The pages as an application of their own: their frame, their parts, and who may see them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.web.guarding import PageGuard
from studio_worker_core.web.rendering import THEMES
from studio_worker_core.web.sessions import Session, Sessions
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_studio.auth import matches
from studio_worker_studio.errors import ApiError, StoreError
from studio_worker_studio.pages.create import CreateViews
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.frame import studio_frames
from studio_worker_studio.pages.job_views import JobViews
from studio_worker_studio.pages.live import Live
from studio_worker_studio.pages.log_views import LogViews
from studio_worker_studio.pages.model_views import ModelViews
from studio_worker_studio.pages.overview import OverviewViews
from studio_worker_studio.pages.queue_views import QueueViews
from studio_worker_studio.pages.signing import SITE, SMALL, form_of
from studio_worker_studio.pages.standing import Figures
from studio_worker_studio.pages.worker_views import WorkerViews
from studio_worker_studio.rate_limit import RateLimit, network_of
from studio_worker_studio.studio import Studio

_EXPECTED = (ApiError, HTTPException, StoreError, OSError)
_YEAR = 365 * 86_400
_TRIES_A_MINUTE = 20


class Site:
    """The pages of one studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._frames = studio_frames()
        self._figures = Figures(studio)
        self._live = Live(studio.notifier)
        self._tries = RateLimit(_TRIES_A_MINUTE, clock=studio.clocks.now)
        self._signed = SignedIn(SITE, Sessions(studio.clocks.now), self._ask, self._look)
        view, change = self._signed.view, self._signed.change
        self.app = Starlette(
            routes=[
                Route("/static/{name}", self.static),
                Route("/sign-in", self.sign_in),
                Route("/sign-in", self.sign_in_by_form, methods=["POST"]),
                Route("/", view(self.home)),
                Route("/events", view(self.events)),
                Route("/alive", view(self.alive)),
                Route("/bar", view(self.bar)),
                Route("/theme", change(self.theme), methods=["POST"]),
                Route("/sign-out", change(self.sign_out), methods=["POST"]),
                *OverviewViews(studio, self._figures, self._frames, self._signed).routes(),
                *WorkerViews(studio, self._frames, self._signed).routes(),
                *QueueViews(studio, self._figures, self._frames, self._signed).routes(),
                *JobViews(studio, self._frames, self._signed).routes(),
                *CreateViews(studio, self._frames, self._signed).routes(),
                *ModelViews(studio, self._frames, self._signed).routes(),
                *LogViews(studio, self._frames, self._signed).routes(),
            ],
            middleware=[Middleware(PageGuard)],
            exception_handlers=dict.fromkeys(_EXPECTED, self._failed),
        )

    async def static(self, request: Request) -> Response:
        """A file of the pages, for everybody."""
        return self._frames.assets.answer(request, request.path_params["name"])

    async def home(self, request: Request, session: Session) -> Response:
        """The pages start with the overview."""
        return RedirectResponse(f"{PATH}/overview", 303)

    async def events(self, request: Request, session: Session) -> Response:
        """What changes, as it does."""
        return self._live.answer()

    async def alive(self, request: Request, session: Session) -> Response:
        """Whether this session goes on."""
        return Response(status_code=204)

    async def bar(self, request: Request, session: Session) -> Response:
        """What is always in sight."""
        await self._look()
        return self._frames.fragment("bar.html", standing=self._frames.standing)

    async def theme(self, request: Request, session: Session, form: FormData) -> Response:
        """Light, dark, or as the system has it."""
        chosen, back = form.get("theme"), form.get("back")
        is_inside = isinstance(back, str) and back.startswith(f"{PATH}/") and "\\" not in back
        answer = RedirectResponse(back if isinstance(back, str) and is_inside else f"{PATH}/", 303)
        if chosen in THEMES:
            answer.set_cookie(
                "studio-theme", str(chosen), _YEAR, path=PATH, httponly=True, samesite="strict"
            )
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Ask for the operator token."""
        if self._signed.session_of(request) is not None:
            return RedirectResponse(f"{PATH}/", 303)
        return self._ask(request, status=200)

    async def sign_in_by_form(self, request: Request) -> Response:
        """Take the operator token; it is in no address and no log."""
        source = request.client.host if request.client is not None else "unknown"
        if (wait := self._tries.take(network_of(source))) is not None:
            return self._ask(request, f"Too many tries: wait {wait} seconds.", 429)
        async with form_of(request, SMALL) as form:
            token = form.get("token")
        given = token.strip() if isinstance(token, str) else ""
        if not matches(given, self._studio.operator_token_hash):
            return self._ask(request, "This is not the operator token of this studio.", 403)
        sessions = self._signed.sessions
        return self._signed.opened(request, sessions.open(sessions.new_code()) or "", f"{PATH}/")

    async def sign_out(self, request: Request, session: Session, form: FormData) -> Response:
        """End this session."""
        return self._signed.ended(request, f"{PATH}/sign-in")

    def _ask(self, request: Request, wrong: str = "", status: int = 401) -> Response:
        return self._frames.page(request, None, "sign_in.html", "Sign in", "", status, wrong=wrong)

    async def _look(self) -> None:
        self._frames.standing = await self._figures.standing()

    async def _failed(self, request: Request, error: Exception) -> Response:
        status, words = _in_words(error)
        if is_fragment(request):
            return PlainTextResponse(words, status)
        session = self._signed.session_of(request)
        return self._frames.page(
            request, session, "wrong.html", "Something is wrong", "", status, words=words
        )


def _in_words(error: Exception) -> tuple[int, str]:
    match error:
        case ApiError():
            return error.status, error.message[:1].upper() + error.message[1:] + "."
        case HTTPException(status_code=404):
            return 404, "There is nothing at this address."
        case HTTPException():
            return error.status_code, str(error.detail)
        case StoreError():
            return 503, f"The studio's database failed: {error}"
        case OSError():
            return 500, f"The studio's disk failed the request: {error.strerror or error}"
    return 500, str(error)
