"""The page as an application of its own: its frame, its parts, and who may see them."""

from __future__ import annotations

import functools
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.errors import StudioWorkerError
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.bodies import SMALL, form_of
from studio_worker_core.local_api.errors import Refused
from studio_worker_core.local_api.page.config_views import ConfigViews
from studio_worker_core.local_api.page.create import CreateRoutes
from studio_worker_core.local_api.page.creation_files import FileRoutes
from studio_worker_core.local_api.page.creations import Creations
from studio_worker_core.local_api.page.frame import worker_frames
from studio_worker_core.local_api.page.job_views import JobViews
from studio_worker_core.local_api.page.model_adding import AddRoutes
from studio_worker_core.local_api.page.model_views import ModelViews
from studio_worker_core.local_api.page.signing import PATH, SITE
from studio_worker_core.local_api.page.standing import standing_of
from studio_worker_core.local_api.page.uploads import Uploads
from studio_worker_core.local_api.page.worker_views import WorkerRoutes
from studio_worker_core.local_api.page_parts import ModelParts, PageParts
from studio_worker_core.web.guarding import PageGuard
from studio_worker_core.web.live import LiveHub
from studio_worker_core.web.rendering import THEMES
from studio_worker_core.web.sessions import Session, Sessions
from studio_worker_core.web.signing import SignedIn, is_fragment

_EXPECTED = (Refused, HTTPException, StudioWorkerError, OSError)
_YEAR = 365 * 86_400


class Page:
    """The page of one worker: an application, and what it keeps while the worker runs.

    :param sessions: who is signed in.
    :param parts: what there is to be seen of the worker.
    """

    def __init__(self, api: Api, sessions: Sessions, parts: PageParts) -> None:
        self._daemon = daemon = parts.daemon
        self._hub = LiveHub()
        self._frames = worker_frames(
            [
                "create",
                *(["jobs"] if parts.history is not None else []),
                *(["models"] if parts.models is not None else []),
                *(["worker", "logs", "config"] if daemon is not None else []),
            ]
        )
        self._unsubscribe: Callable[[], None] = lambda: None
        self._closing: list[Callable[[], None]] = []
        self._signed = SignedIn(SITE, sessions, self._ask, self._look)
        self._creations = Creations(api.jobs, self._changed)
        self._uploads = Uploads(self._creations)
        create = CreateRoutes(
            api, self._creations, self._uploads, self._frames, self._signed, parts.history
        )
        more = FileRoutes(self._creations, self._uploads, self._signed).routes()
        if parts.history is not None:
            more += JobViews(parts.history, self._frames, self._signed).routes()
        if parts.models is not None:
            more += self._model_routes(api, parts.models)
        if daemon is not None:
            more += WorkerRoutes(daemon, self._frames, self._signed).routes()
            more += ConfigViews(daemon, self._frames, self._signed).routes()
            self._unsubscribe = daemon.subscribe(self._worker_changed)
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
                *create.routes(),
                *more,
            ],
            middleware=[Middleware(PageGuard)],
            exception_handlers=dict.fromkeys(_EXPECTED, self._failed),
        )

    def end_streams(self) -> None:
        """The server is about to end: let nobody wait for it."""
        self._unsubscribe()
        self._hub.close()

    def close(self) -> None:
        """Remove what the page kept; after the server's end."""
        for each in self._closing:
            each()
        self._creations.close()
        self._uploads.close()

    async def static(self, request: Request) -> Response:
        """A file of the page, for everybody."""
        return self._frames.assets.answer(request, request.path_params["name"])

    async def home(self, request: Request, session: Session) -> Response:
        """The page starts with making something."""
        return RedirectResponse(f"{PATH}/create", 303)

    async def events(self, request: Request, session: Session) -> Response:
        """What changes, as it does."""
        return self._hub.answer()

    async def alive(self, request: Request, session: Session) -> Response:
        """Whether this session goes on."""
        return Response(status_code=204)

    async def bar(self, request: Request, session: Session) -> Response:
        """What is always in sight."""
        await self._look()
        return self._frames.fragment("bar.html", standing=self._frames.standing, csrf=session.csrf)

    async def theme(self, request: Request, session: Session, form: FormData) -> Response:
        """Light, dark, or as the system has it."""
        chosen, back = form.get("theme"), form.get("back")
        is_inside = isinstance(back, str) and back.startswith(f"{PATH}/") and "\\" not in back
        answer = RedirectResponse(back if isinstance(back, str) and is_inside else f"{PATH}/", 303)
        if chosen in THEMES:
            answer.set_cookie(
                "studio-worker-theme",
                str(chosen),
                _YEAR,
                path=PATH,
                httponly=True,
                samesite="strict",
            )
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Take a code from the address, once, and go where the address holds none."""
        code = request.query_params.get("code")
        return self._open(request, code) if code else self._ask(request, status=200)

    async def sign_in_by_form(self, request: Request) -> Response:
        """Take a code that a person typed."""
        async with form_of(request, SMALL) as form:
            code = form.get("code")
        return self._open(request, code.strip() if isinstance(code, str) else "")

    async def sign_out(self, request: Request, session: Session, form: FormData) -> Response:
        """End this session."""
        return self._signed.ended(request, f"{PATH}/sign-in")

    def _open(self, request: Request, code: str) -> Response:
        name = self._signed.sessions.open(code)
        if name is None:
            return self._ask(request, "This code was used, or its minute is over.", 403)
        return self._signed.opened(request, name, f"{PATH}/")

    def _ask(self, request: Request, wrong: str = "", status: int = 401) -> Response:
        return self._frames.page(request, None, "sign_in.html", "Sign in", "", status, wrong=wrong)

    async def _look(self) -> None:
        status = await run_in_threadpool(self._daemon.status) if self._daemon else None
        self._frames.standing = standing_of(self._creations.recent(), status)

    def _model_routes(self, api: Api, parts: ModelParts) -> list[Route]:
        changed = functools.partial(self._hub.tell, "models")
        views = ModelViews(api, parts, self._daemon, self._frames, self._signed, changed)
        self._closing.append(views.close)
        adding = AddRoutes(parts, self._frames, self._signed, changed)
        return [*adding.routes(), *views.routes()]

    def _worker_changed(self) -> None:
        for topic in ("status", "daemon", "jobs", "models"):
            self._hub.tell(topic)

    def _changed(self, name: str) -> None:
        self._hub.tell(f"work-{name}")
        self._hub.tell("status")

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
        case Refused():
            return error.status, error.message
        case HTTPException(status_code=404):
            return 404, "There is nothing at this address."
        case HTTPException():
            return error.status_code, str(error.detail)
        case OSError():
            return 500, f"The worker's disk failed the request: {error.strerror or error}"
    return 500, str(error)
