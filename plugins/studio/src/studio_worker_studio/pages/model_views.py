"""The view Models: the registry that jobs are looked up in."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn
from studio_worker_studio.messages import ModelBody
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.routes.endpoint import not_found
from studio_worker_studio.store.records import ModelRecord
from studio_worker_studio.studio import Studio

_A_PAGE = 100
_MOST_ID = 512
_PLACE = re.compile(r" - at `([^`]*)`")
_FIELDS = {
    "displayName": "name",
    "kind": "kind",
    "vramGbEstimate": "vram",
    "source.engine": "engine",
    "source.files": "files",
    "source.cliDefaults": "defaults",
}
_LABELS = {
    "name": "Name", "kind": "Kind", "vram": "Graphics memory", "engine": "Engine",
    "files": "Files", "defaults": "Defaults",
}  # fmt: skip


class ModelViews:
    """The routes of the view."""

    def __init__(self, studio: Studio, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages. An id may hold anything, so it is in the query."""
        view, change, post = self._signed.view, self._signed.change, ["POST"]
        return [
            Route("/models", view(self.models)),
            Route("/models/edit", view(self.edit)),
            Route("/models/edit", change(self.keep), methods=post),
            Route("/models/enabled", change(self.enable), methods=post),
            Route("/models/delete", view(self.ask_to_delete)),
            Route("/models/delete", change(self.delete), methods=post),
        ]

    async def models(self, request: Request, session: Session) -> Response:
        """The registry by id."""
        after = request.query_params.get("after", "")[:_MOST_ID] or None
        found = await self._studio.models.page(after, _A_PAGE + 1)
        if not found and after is not None:
            return RedirectResponse(f"{PATH}/models", 303)
        return self._frames.page(
            request, session, "models.html", "Models", "models",
            models=found[:_A_PAGE], last=found[_A_PAGE - 1].model_id if found[_A_PAGE:] else "",
        )  # fmt: skip

    async def edit(self, request: Request, session: Session) -> Response:
        """The form of a model, or of a new one."""
        ident = request.query_params.get("id")
        values = (
            {"vram": "0", "enabled": "yes"} if ident is None else _given(await self._found(ident))
        )
        return self._form(request, session, values, {}, is_new=ident is None)

    async def keep(self, request: Request, session: Session, form: FormData) -> Response:
        """Add a model or replace one; or the form again, with what is wrong."""
        values = {name: each for name, each in form.items() if isinstance(each, str)}
        is_new = values.get("is_new") == "yes"
        ident = values.get("id", "").strip()
        model, wrong = _model_of(ident, values)
        if is_new and not wrong and await self._studio.models.get(ident) is not None:
            wrong["id"] = "Id: there is such a model already; edit that one."
        if wrong or model is None:
            return self._form(request, session, values, wrong, is_new=is_new, status=422)
        await self._studio.models.put(model)
        return RedirectResponse(f"{PATH}/models", 303)

    async def enable(self, request: Request, session: Session, form: FormData) -> Response:
        """Let jobs name a model, or not."""
        model = await self._found(_text(form, "id"))
        enabled = form.get("enabled") == "yes"
        await self._studio.models.put(msgspec.structs.replace(model, enabled=enabled))
        return RedirectResponse(f"{PATH}/models", 303)

    async def ask_to_delete(self, request: Request, session: Session) -> Response:
        """What a deletion would touch."""
        model = await self._found(request.query_params.get("id", ""))
        return self._frames.page(
            request, session, "model_delete.html", "Delete a model", "models", model=model
        )

    async def delete(self, request: Request, session: Session, form: FormData) -> Response:
        """Take a model out of the registry."""
        ident = _text(form, "id")
        if not await self._studio.models.delete(ident):
            raise not_found("model", ident)
        return RedirectResponse(f"{PATH}/models", 303)

    async def _found(self, ident: str) -> ModelRecord:
        model = await self._studio.models.get(ident[:_MOST_ID])
        if model is None:
            raise not_found("model", ident)
        return model

    def _form(
        self,
        request: Request,
        session: Session,
        values: dict[str, str],
        wrong: dict[str, str],
        *,
        is_new: bool,
        status: int = 200,
    ) -> Response:
        return self._frames.page(
            request, session, "model_edit.html", "Add a model" if is_new else "Edit a model",
            "models", status, values=values, wrong=wrong, is_new=is_new,
        )  # fmt: skip


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _given(model: ModelRecord) -> dict[str, str]:
    source = msgspec.to_builtins(model.source)
    return {
        "id": model.model_id,
        "name": model.display_name,
        "kind": model.kind or "",
        "vram": f"{model.vram_gb:g}",
        "engine": model.source.engine,
        "files": json.dumps(source["files"], indent=2) if source["files"] else "",
        "defaults": json.dumps(source["cliDefaults"], indent=2) if source["cliDefaults"] else "",
        "enabled": "yes" if model.enabled else "",
    }


def _model_of(ident: str, values: dict[str, str]) -> tuple[ModelRecord | None, dict[str, str]]:
    """The model that a form describes, or what is wrong with it by field."""
    wrong: dict[str, str] = {}
    if not 1 <= len(ident) <= _MOST_ID:
        wrong["id"] = f"Id: 1 to {_MOST_ID} characters are needed."
    source: dict[str, Any] = {"engine": values.get("engine", "").strip()}
    for name, wire in (("files", "files"), ("defaults", "cliDefaults")):
        text = values.get(name, "").strip()
        try:
            if text:
                source[wire] = json.loads(text)
        except (ValueError, RecursionError):
            wrong[name] = f"{_LABELS[name]}: this is not JSON."
    try:
        vram = float(values.get("vram", "").replace(",", ".") or 0)
    except ValueError:
        vram, wrong["vram"] = 0.0, "Graphics memory: a number is needed."
    given = {
        "source": source,
        "displayName": values.get("name", "").strip(),
        "kind": values.get("kind") or None,
        "vramGbEstimate": vram,
        "enabled": bool(values.get("enabled")),
    }
    try:
        body = msgspec.convert(given, ModelBody)
    except (msgspec.ValidationError, RecursionError) as error:
        place = _PLACE.search(str(error))
        path = place[1].removeprefix("$.") if place else ""
        name = next((field for start, field in _FIELDS.items() if path.startswith(start)), "")
        label = _LABELS.get(name, "The model")
        where = f" ({path})" if name in ("files", "defaults") else ""
        wrong.setdefault(name, f"{label}{where}: {_PLACE.sub('', str(error))}.")
        return None, wrong
    if wrong:
        return None, wrong
    return ModelRecord(
        model_id=ident,
        display_name=body.display_name or ident,
        kind=body.kind,
        vram_gb=body.vram_gb_estimate,
        source=body.source,
        enabled=body.enabled,
    ), {}
