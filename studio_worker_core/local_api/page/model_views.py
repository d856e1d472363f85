"""The view Models: what there is, what of it is in memory, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.errors import JobError, ModelHostError, ModelStoreError, ModelUnknown
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.daemon import Daemon
from studio_worker_core.local_api.errors import NotThere
from studio_worker_core.local_api.page.model_rows import ModelRow, chosen, rows_of, seal
from studio_worker_core.local_api.page.signing import PATH
from studio_worker_core.local_api.page.words import KINDS
from studio_worker_core.local_api.page_parts import ModelParts
from studio_worker_core.models.pulling import MOST, Pulls
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment

_WHICH = ("memory", "kept")


class _Wish(Struct, frozen=True):
    """Which models are asked for."""

    which: str = ""
    kind: str = ""
    text: str = ""

    def address(self, action: str = "", **other: str) -> str:
        """Of the view with this wish, or of an action that comes back to it."""
        given = {"which": self.which, "kind": self.kind, "q": self.text, **other}
        query = urlencode({name: value for name, value in given.items() if value})
        path = f"{PATH}/models{action}"
        return f"{path}?{query}" if query else path


class ModelViews:
    """The routes of the view.

    :param changed: told that something about the models has changed.
    """

    def __init__(
        self,
        api: Api,
        parts: ModelParts,
        daemon: Daemon | None,
        frames: Frames,
        signed: SignedIn,
        changed: Callable[[], None],
    ) -> None:
        self._api = api
        self._parts = parts
        self._daemon = daemon
        self._frames = frames
        self._signed = signed
        self._changed = changed
        self._pulls = Pulls(parts.files, changed)

    def routes(self) -> list[Route]:
        """The routes, for the page."""
        view, change = self._signed.view, self._signed.change
        post = ["POST"]
        return [
            Route("/models", view(self.models)),
            Route("/models/load", change(self.load), methods=post),
            Route("/models/unload", change(self.unload), methods=post),
            Route("/models/pull", change(self.pull), methods=post),
            Route("/models/cancel", change(self.cancel), methods=post),
            Route("/models/remove", view(self.ask_to_remove)),
            Route("/models/remove", change(self.remove), methods=post),
        ]

    def close(self) -> None:
        """End the downloads that were asked for here."""
        self._pulls.close()

    async def models(self, request: Request, session: Session) -> Response:
        """The models that are asked for."""
        return await self._shown(request, session)

    async def load(self, request: Request, session: Session, form: FormData) -> Response:
        """Have a model loaded, and kept so."""
        return await self._done(request, session, form, self._parts.host.load)

    async def unload(self, request: Request, session: Session, form: FormData) -> Response:
        """Have a model unloaded, and no longer kept."""
        return await self._done(request, session, form, self._parts.host.unload)

    async def pull(self, request: Request, session: Session, form: FormData) -> Response:
        """Have the files of a model downloaded now."""

        def begin(model: str) -> None:
            if not self._pulls.start(self._parts.host.find(model).entry):
                raise ModelStoreError(f"{MOST} downloads wait already, or have failed")

        return await self._done(request, session, form, begin)

    async def cancel(self, request: Request, session: Session, form: FormData) -> Response:
        """End a download; what has arrived stays."""
        return await self._done(request, session, form, self._pulls.cancel)

    async def ask_to_remove(self, request: Request, session: Session) -> Response:
        """What goes with a model, before it does."""
        row = await self._found(request.query_params.get("model", ""))
        return self._frames.page(
            request, session, "model_remove.html", "Remove a model", "models", row=row
        )

    async def remove(self, request: Request, session: Session, form: FormData) -> Response:
        """Take a model out of the catalogue, and delete its files if that is asked for."""
        row = await self._found(_name(form))

        def gone() -> None:
            self._pulls.cancel(row.id)
            if row.origin == "catalogue":
                self._parts.host.delete(row.id)
            if form.get("files") == "yes":
                self._parts.files().remove(row.id)

        await run_in_threadpool(gone)
        self._changed()
        return RedirectResponse(f"{PATH}/models", 303)

    async def _done(
        self,
        request: Request,
        session: Session,
        form: FormData,
        act: Callable[[str], object],
    ) -> Response:
        """Do something to one model; then the view as it is, with what was wrong if it was."""
        model = _name(form)
        wrong = {}
        try:
            await run_in_threadpool(act, model)
        except ModelUnknown as error:
            raise NotThere(str(error)) from None
        except (ModelHostError, ModelStoreError, JobError) as error:
            wrong[model] = str(error)
        self._changed()
        if wrong or is_fragment(request):
            return await self._shown(request, session, wrong)
        return RedirectResponse(_wish(request).address(), 303)

    async def _shown(
        self, request: Request, session: Session, wrong: dict[str, str] | None = None
    ) -> Response:
        wish, wrong = _wish(request), wrong or {}
        rows, card = await run_in_threadpool(self._read)
        fitting = chosen(rows, wish.which, wish.kind, wish.text)
        seen = seal([rows, card, wish])
        if is_fragment(request) and not wrong and request.query_params.get("seen") == seen:
            return Response(status_code=204)
        values: dict[str, Any] = {
            "rows": fitting,
            "total": len(rows),
            "wish": wish,
            "here": wish.address(seen=seen),
            "chips": _chips(rows, wish),
            "held": [row for row in rows if row.in_memory],
            "card": card,
            "wrong": wrong,
            "words": KINDS,
        }
        status = 422 if wrong else 200
        if is_fragment(request):
            values["csrf"] = session.csrf
            return self._frames.fragment("models_part.html", status, **values)
        return self._frames.page(
            request, session, "models.html", "Models", "models", status, **values
        )

    async def _found(self, model: str) -> ModelRow:
        rows, _ = await run_in_threadpool(self._read)
        for row in rows:
            if row.id == model and row.origin != "engine":
                return row
        raise NotThere("There is no such model, or it is gone.")

    def _read(self) -> tuple[list[ModelRow], tuple[float, float] | None]:
        """Every model, and what of the graphics card's memory is in use, of how many GB."""
        parts = self._parts
        rows = rows_of(
            parts.host.models(),
            self._api.jobs.served(),
            parts.files().models(),
            parts.lanes(),
            self._pulls.states(),
        )
        if self._daemon is None:
            return rows, None
        status = self._daemon.status()
        total = round(status.vram_total_gb, 1)
        return rows, (round(total - status.vram_free_gb, 1), total) if total > 0 else None


def _name(form: FormData) -> str:
    given = form.get("model")
    return given[:600] if isinstance(given, str) else ""


def _wish(request: Request) -> _Wish:
    query = request.query_params
    which, kind = query.get("which", ""), query.get("kind", "")
    return _Wish(
        which if which in _WHICH else "",
        kind if any(kind == each for each in KINDS) else "",
        query.get("q", "")[:200],
    )


def _chips(rows: list[ModelRow], wish: _Wish) -> list[dict[str, Any]]:
    """The filters, each with its address and how many models it has."""
    wishes = [("All", _Wish()), ("In memory", _Wish("memory")), ("Kept loaded", _Wish("kept"))]
    wishes += [(words.label, _Wish(kind=kind.value)) for kind, words in KINDS.items()]
    made = []
    for label, each in wishes:
        count = len(chosen(rows, each.which, each.kind, ""))
        is_current = (each.which, each.kind) == (wish.which, wish.kind)
        if count or is_current or not each.kind:
            href = _Wish(each.which, each.kind, wish.text).address()
            made.append({"label": label, "count": count, "href": href, "current": is_current})
    return made
