"""The view Create: a job queued by a form."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from typing import Any

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from studio_worker_core.media_types import image_type
from studio_worker_core.storage.disk import shown_bytes
from studio_worker_core.web.frame import Frames
from studio_worker_core.web.sessions import Session
from studio_worker_core.web.signing import SignedIn, is_fragment
from studio_worker_core.wire.media_types import mime_for
from studio_worker_core.wire.tasks import TaskKind
from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import Submission
from studio_worker_studio.pages.entrance import PATH
from studio_worker_studio.pages.fields import field_at, fields_of, parsed, values_of
from studio_worker_studio.pages.shown_jobs import task_of
from studio_worker_studio.pages.words import KINDS
from studio_worker_studio.routes.submission import queue
from studio_worker_studio.store.records import ModelRecord
from studio_worker_studio.studio import Studio

PRESETS = ("512x512", "768x512", "512x768", "1024x1024")
MOST_PICTURE = 6 << 20
"""Bytes of a picture that goes with a task: it travels in the offer (protocol §3)."""
_MOST_FORM = 4 * MOST_PICTURE
_MOST_TASK = 11 << 20
"""Bytes of a task as JSON: with it, the offer fits into a frame."""
_MOST_MODELS = 1000
_TRIES = 100
_TRY_SECONDS = 0.1
_PLACE = re.compile(r" - at `([^`]*)`")


class CreateViews:
    """The routes of the view."""

    def __init__(self, studio: Studio, frames: Frames, signed: SignedIn) -> None:
        self._studio = studio
        self._frames = frames
        self._signed = signed

    def routes(self) -> list[Route]:
        """The routes, for the pages."""
        view, change = self._signed.view, self._signed.change
        return [
            Route("/create", view(self.first)),
            Route("/create/{kind}", view(self.form)),
            Route("/create/{kind}", change(self.start, lambda: _MOST_FORM), methods=["POST"]),
        ]

    async def first(self, request: Request, session: Session) -> Response:
        """The kind that is offered first."""
        return RedirectResponse(f"{PATH}/create/{next(iter(KINDS))}", 303)

    async def form(self, request: Request, session: Session) -> Response:
        """The form of one kind: empty, or as it was for an earlier job."""
        kind = _kind(request)
        earlier = await self._studio.jobs.get(request.query_params.get("from", "")[:200])
        values: dict[str, str] = {}
        if earlier is not None and earlier.kind is kind:
            values = {"model": earlier.model, **values_of(kind, task_of(earlier))}
        elif model := request.query_params.get("model"):
            values["model"] = model[:512]
        return await self._shown(request, session, kind, values, {}, is_fresh=earlier is None)

    async def start(self, request: Request, session: Session, form: FormData) -> Response:
        """Queue it, once for each form; or the form again, with what is wrong."""
        kind = _kind(request)
        values = {name: each for name, each in form.items() if isinstance(each, str)}
        files, wrong = await _pictures(form, kind)
        task, more_wrong = parsed(fields_of(kind), {**values, **files})
        wrong = {**more_wrong, **wrong}
        if not wrong:
            try:
                body = _submission(kind, task, values)
                job_id = await self._queue(body, f"page-{values.get('once', '')[:64]}")
            except msgspec.ValidationError as error:
                wrong = _told(kind, str(error))
            except ApiError as error:
                wrong["model" if error.code == "unknown_model" else ""] = _sentence(error.message)
            else:
                address = f"{PATH}/jobs/{job_id}"
                if is_fragment(request):
                    return Response(status_code=200, headers={"hx-redirect": address})
                return RedirectResponse(address, 303)
        return await self._shown(request, session, kind, values, wrong, is_fresh=False, status=422)

    async def _queue(self, body: Submission, key: str) -> str:
        for _ in range(_TRIES):
            try:
                return (await queue(self._studio, body, key))[0]
            except ApiError as error:
                if error.code != "in_progress":  # the other half of a double click
                    raise
            await asyncio.sleep(_TRY_SECONDS)
        raise ApiError(409, "in_progress", "this form was sent already, and is being worked on")

    async def _shown(
        self,
        request: Request,
        session: Session,
        kind: TaskKind,
        values: dict[str, str],
        wrong: dict[str, str],
        *,
        is_fresh: bool,
        status: int = 200,
    ) -> Response:
        return self._frames.page(
            request, session, "create.html", "Create", "queue", status,
            kind=kind, fields=fields_of(kind), values=values, wrong=wrong, is_fresh=is_fresh,
            models=await self._models(kind), once=secrets.token_hex(8), presets=PRESETS,
            most=MOST_PICTURE, most_shown=shown_bytes(MOST_PICTURE), words=KINDS[kind],
        )  # fmt: skip

    async def _models(self, kind: TaskKind) -> list[ModelRecord]:
        known = await self._studio.models.page(None, _MOST_MODELS)
        return [each for each in known if each.enabled and each.kind in (None, kind)]


def _submission(kind: TaskKind, task: dict[str, Any], values: dict[str, str]) -> Submission:
    given: dict[str, Any] = {"model": values.get("model", ""), "task": {"kind": kind.value, **task}}
    for name, wire in (("priority", "priority"), ("max_attempts", "maxAttempts")):
        text = values.get(name, "").strip()
        if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 10:
            given[wire] = int(text)
        elif text:
            raise msgspec.ValidationError(f"a whole number is needed - at `$.{wire}`")
    if len(msgspec.json.encode(given)) > _MOST_TASK:
        raise msgspec.ValidationError(
            f"all of it together may have at most {shown_bytes(_MOST_TASK)}: take smaller pictures"
        )
    return msgspec.convert(given, Submission)


async def _pictures(form: FormData, kind: TaskKind) -> tuple[dict[str, str], dict[str, str]]:
    """The pictures that were chosen, as ``data:`` URLs, and what is wrong with them."""
    found: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for field in fields_of(kind):
        upload = form.get(f"{field.name}_file") if field.widget == "picture" else None
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        data = await upload.read(MOST_PICTURE + 1)
        ext = image_type(data[:4096])
        if len(data) > MOST_PICTURE:
            most = shown_bytes(MOST_PICTURE)
            wrong[field.name] = f"{field.words.label}: the picture has more than {most}."
        elif ext is None:
            wrong[field.name] = f"{field.words.label}: this file is no picture."
        else:
            text = base64.b64encode(data).decode()
            found[field.name] = f"data:{mime_for(ext)};base64,{text}"
    return found, wrong


def _told(kind: TaskKind, words: str) -> dict[str, str]:
    """What is wrong with a task, at the field that it is about."""
    place = _PLACE.search(words)
    path = place[1] if place else ""
    plain = _PLACE.sub("", words).strip()
    if not path.startswith("$.task."):
        name = {"$.priority": "priority", "$.maxAttempts": "max_attempts"}.get(path, "")
        name = "model" if path == "$.model" else name
        return {name: _sentence("choose a model" if name == "model" else plain)}
    field = field_at(kind, path.removeprefix("$.task."))
    if field is None:
        return {"": _sentence(plain)}
    return {field.name: f"{field.words.label}: {plain}."}


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _kind(request: Request) -> TaskKind:
    kind = request.path_params["kind"]
    if kind not in list(TaskKind):
        raise ApiError(404, "not_found", f"there is no kind of work {kind[:40]!r}")
    return TaskKind(kind)
