"""The views Workers and Pending: who is there, and who wants to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_core.wire.bounds import MAX_LINE
from studio_worker_core.wire.capabilities import Capabilities
from studio_worker_studio.messages import WorkerView
from studio_worker_studio.pages.ages import ago
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.routes import registration, workers
from studio_worker_studio.routes.endpoint import not_found
from studio_worker_studio.sessions import JobProgress
from studio_worker_studio.studio import Studio

_A_PAGE = 50
_MOST_MODELS = 200
_LONGEST_ID = 200


class ShownWorker(Struct, frozen=True):
    """A worker, with what is said of it in words."""

    view: WorkerView
    seen: str
    """When it was last heard of, by the studio's clock."""
    progress: JobProgress | None
    models: tuple[str, ...]
    more_models: int
    engines: tuple[str, ...]


class WorkerViews:
    """The routes of both views."""

    def __init__(self, studio: Studio, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        view, change, post = self._signed.view, self._signed.change, ["POST"]
        return [
            Route("/pending", view(self.pending)),
            Route("/pending/{request_id}/approve", change(self.approve), methods=post),
            Route("/pending/{request_id}/reject", change(self.reject), methods=post),
            Route("/workers", view(self.workers)),
            Route("/workers/{worker_id}", view(self.worker)),
            Route("/workers/{worker_id}/delete", view(self.ask_to_delete)),
            Route("/workers/{worker_id}/delete", change(self.delete), methods=post),
        ]

    async def pending(self, request: Request, session: Session) -> Response:
        """Who waits for a decision, the one that waits longest first."""
        studio = self._studio
        now = studio.clocks.wall()
        await studio.registrations.forget_pending(now - studio.settings.keep_pending_seconds)
        found = await studio.registrations.pending(_after(request), _A_PAGE + 1)
        asks = [
            {
                "record": each,
                "asked": ago(each.created_at, now),
                "models": models_of(each.capabilities)[:_MOST_MODELS],
                "engines": engines_of(each.capabilities),
            }
            for each in found[:_A_PAGE]
        ]
        more = f"{PATH}/pending?after={found[_A_PAGE - 1].request_id}" if found[_A_PAGE:] else ""
        values: dict[str, Any] = {
            "asks": asks,
            "older": more,
            "lets_all_in": studio.settings.auto_approve,
        }
        if is_fragment(request):
            return self._frames.fragment("pending_list.html", csrf=session.csrf, **values)
        return self._frames.page(request, session, "pending.html", "Pending", "pending", **values)

    async def approve(self, request: Request, session: Session, form: FormData) -> Response:
        """Let a worker in."""
        await registration.approve(self._studio, request)
        return RedirectResponse(f"{PATH}/pending", 303)

    async def reject(self, request: Request, session: Session, form: FormData) -> Response:
        """Turn a worker down, with the reason it is told."""
        given = form.get("reason")
        reason = given.strip()[:MAX_LINE] if isinstance(given, str) else ""
        ident = request.path_params["request_id"]
        await registration.turn_down(self._studio, ident, reason or None)
        return RedirectResponse(f"{PATH}/pending", 303)

    async def workers(self, request: Request, session: Session) -> Response:
        """The roster, in the order in which they were let in."""
        after = _after(request)
        found = await self._studio.workers.page(after, _A_PAGE + 1)
        if not found and after is not None:
            return RedirectResponse(f"{PATH}/workers", 303)
        shown = [self._shown(workers.worker_view(self._studio, each)) for each in found[:_A_PAGE]]
        here = f"{PATH}/workers" + (f"?after={after}" if after is not None else "")
        more = f"{PATH}/workers?after={found[_A_PAGE - 1].worker_id}" if found[_A_PAGE:] else ""
        values: dict[str, Any] = {"workers": shown, "more": more, "here": here}
        if is_fragment(request):
            return self._frames.fragment("workers_list.html", **values)
        return self._frames.page(request, session, "workers.html", "Workers", "workers", **values)

    async def worker(self, request: Request, session: Session) -> Response:
        """One worker: what it is, has and does."""
        values: dict[str, Any] = {"it": await self._found(request)}
        if is_fragment(request):
            return self._frames.fragment("worker_facts.html", **values)
        return self._frames.page(request, session, "worker.html", "Worker", "workers", **values)

    async def ask_to_delete(self, request: Request, session: Session) -> Response:
        """What a deletion would touch."""
        it = await self._found(request)
        held = await self._studio.jobs.held_by(it.view.worker_id)
        return self._frames.page(
            request, session, "worker_delete.html", "Delete a worker", "workers",
            it=it, held=len(held),
        )  # fmt: skip

    async def delete(self, request: Request, session: Session, form: FormData) -> Response:
        """Strike a worker off; its jobs go to others."""
        await workers.delete_worker(self._studio, request)
        return RedirectResponse(f"{PATH}/workers", 303)

    async def _found(self, request: Request) -> ShownWorker:
        ident = request.path_params["worker_id"]
        record = await self._studio.workers.get(ident)
        if record is None or record.deleted_at is not None:
            raise not_found("worker", ident)
        return self._shown(workers.worker_view(self._studio, record))

    def _shown(self, view: WorkerView) -> ShownWorker:
        heartbeat = view.last_heartbeat
        now = self._studio.clocks.wall()
        seen = "never" if heartbeat is None else ago(_seconds(heartbeat), now)
        models = models_of(view.capabilities)
        return ShownWorker(
            view=view,
            seen=seen,
            progress=self._studio.fleet.progress.get(view.current_job_id or ""),
            models=models[:_MOST_MODELS],
            more_models=max(len(models) - _MOST_MODELS, 0),
            engines=engines_of(view.capabilities),
        )


def models_of(capabilities: Capabilities) -> tuple[str, ...]:
    """The models that a machine says it can do, each once."""
    per_kind = capabilities.supported_models_per_kind.values()
    named = [*capabilities.supported_models, *(name for names in per_kind for name in names)]
    return tuple(dict.fromkeys(named))


def engines_of(capabilities: Capabilities) -> tuple[str, ...]:
    """The engines that a machine says it has, with their versions where it says them."""
    if capabilities.engines:
        return tuple(f"{each.name} {each.version}" for each in capabilities.engines)
    return tuple(capabilities.model_engines or (capabilities.engine,))


def _after(request: Request) -> str | None:
    after = request.query_params.get("after", "")
    return after if 0 < len(after) <= _LONGEST_ID else None


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
