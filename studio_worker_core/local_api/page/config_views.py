"""The view Config: every setting with its words, changed through the one place that writes them."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.local_api.daemon import Daemon
from studio_worker_core.local_api.page import config_fields
from studio_worker_core.local_api.page.asking import GENERAL, Asked, values_of
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn

_LEFT_OVER = "This form was not whole; what it said was not saved. Look at it and save it again."


class ConfigViews:
    """The routes of the view over one :class:`.Daemon`."""

    def __init__(self, daemon: Daemon, frames: Frames, signed: SignedIn) -> None:
        self._daemon = daemon
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        return [
            Route("/config", self._signed.view(self.config)),
            Route("/config", self._signed.change(self.save), methods=["POST"]),
        ]

    async def config(self, request: Request, session: Session) -> Response:
        """The settings as they are."""
        return self._shown(request, session, Asked({}, {}, {}), before="")

    async def save(self, request: Request, session: Session, form: FormData) -> Response:
        """Save what was changed, all of it or nothing; or the form again, with what is wrong."""
        asked = Asked(values_of(form), {}, {})
        before = asked.values.get("before", "")
        changes = config_fields.changes(before, asked.values)
        if not before:
            asked.wrong[GENERAL] = _LEFT_OVER
        elif changes:
            wrong = await run_in_threadpool(self._daemon.set_texts, changes)
            asked.wrong = {
                key: f"{config_fields.label_of(key)}: {words}." for key, words in wrong.items()
            }
        if asked.wrong:
            return self._shown(request, session, asked, before=before, status=422)
        return RedirectResponse(f"{PATH}/config?saved={len(changes)}", 303)

    def _shown(
        self,
        request: Request,
        session: Session,
        asked: Asked,
        *,
        before: str,
        status: int = 200,
    ) -> Response:
        every = self._daemon.every_setting()
        if not asked.values:
            asked.values = {
                key: text for key, text in config_fields.texts(every.now).items() if text != "false"
            }
        saved = request.query_params.get("saved", "")
        values: dict[str, Any] = {
            "asked": asked,
            "groups": config_fields.groups(),
            "known": config_fields.known(every.now),
            "before": before or config_fields.sealed(every.now),
            "waiting": [
                (key, config_fields.label_of(key))
                for key in config_fields.waiting(every.now, every.started)
            ],
            "path": every.path,
            "unknown": every.unknown,
            "saved": saved if saved.isascii() and saved.isdecimal() and len(saved) < 4 else "",
            "rest": config_fields.REST,
        }
        return self._frames.page(
            request, session, "config.html", "Config", "config", status, **values
        )
