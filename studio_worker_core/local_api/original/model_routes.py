"""``/models``: the catalogue, and which of it is loaded, as the original worker answers it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from studio_worker_core.errors import (
    InsufficientMemory,
    ModelDisabled,
    ModelUnknown,
    ResidencyNotSaved,
    SourceRefused,
)
from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.bodies import SMALL, read_body
from studio_worker_core.local_api.errors import BadRequest, MemoryFull, Refused
from studio_worker_core.local_api.model_host import ModelHost
from studio_worker_core.models.entries import CatalogueEntry
from studio_worker_core.models.original_shape import written
from studio_worker_core.models.store import check_source
from studio_worker_core.residency.hosted import HostedModel
from studio_worker_core.residency.states import Phase
from studio_worker_core.wire.complaints import complaint
from studio_worker_core.wire.tasks import TaskKind

_UNDER_WAY = (Phase.LOADING, Phase.UNLOADING)
_SIGHT = ("text-encoder-vision", "mmproj")
"""Roles of the files with which a chat model reads pictures."""

AnswerT = TypeVar("AnswerT")


class ModelRoutes:
    """The routes over one :class:`.ModelHost`."""

    def __init__(self, host: ModelHost) -> None:
        self._host = host

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/models", self.models, methods=["GET"]),
            Route("/models", self.put, methods=["POST"]),
            Route("/models/{model:path}/state", self.state, methods=["GET"]),
            Route("/models/{model:path}/load", self.load, methods=["POST"]),
            Route("/models/{model:path}/unload", self.unload, methods=["POST"]),
            Route("/models/{model:path}", self.delete, methods=["DELETE"]),
        ]

    async def models(self, _: Request) -> Response:
        """``GET /models``: every model of the catalogue."""
        found = await _asked(self._host.models)
        return json_answer([_shown(each) for each in found])

    async def state(self, request: Request) -> Response:
        """``GET /models/:id/state``: where it is."""
        return json_answer(_state(await _asked(self._host.find, _name(request))))

    async def load(self, request: Request) -> Response:
        """``POST /models/:id/load``: have it loaded; 202 while that goes on."""
        return _going_on(await _asked(self._host.load, _name(request)))

    async def unload(self, request: Request) -> Response:
        """``POST /models/:id/unload``: have it unloaded; 202 while that goes on."""
        return _going_on(await _asked(self._host.unload, _name(request)))

    async def put(self, request: Request) -> Response:
        """``POST /models``: add an entry, or replace the one of its id."""
        entry = _entry(await read_body(request, SMALL))
        await _asked(self._host.put, entry)
        return json_answer({"ok": True})

    async def delete(self, request: Request) -> Response:
        """``DELETE /models/:id``: remove an entry; what is loaded goes."""
        if not await _asked(self._host.delete, _name(request)):
            return PlainTextResponse("no such model", 404)
        return json_answer({"ok": True})


def _name(request: Request) -> str:
    name: str = request.path_params["model"]
    return name


async def _asked(question: Callable[..., AnswerT], *about: object) -> AnswerT:
    """What the host answers, its errors with their status."""
    try:
        return await run_in_threadpool(question, *about)
    except ModelUnknown as error:
        raise _refused(404, error, "unknown_model") from None
    except ModelDisabled as error:
        raise _refused(400, error, "model_disabled") from None
    except InsufficientMemory as error:
        raise MemoryFull(error) from None
    except ResidencyNotSaved as error:
        raise _refused(500, error, "residency_not_saved") from None


def _refused(status: int, error: Exception, code: str) -> Refused:
    refused = Refused(str(error), code=code)
    refused.status = status
    return refused


def _entry(body: bytes) -> CatalogueEntry:
    """The entry in ``body``, as one that a person wrote. Raises BadRequest."""
    try:
        entry = msgspec.json.decode(body, type=CatalogueEntry)
        check_source(entry.source)
    except msgspec.ValidationError as error:
        raise BadRequest(f"bad model: {complaint(error)}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError, SourceRefused) as error:
        raise BadRequest(f"bad model: {error}") from None
    return msgspec.structs.replace(entry, origin="local")


def _going_on(model: HostedModel) -> Response:
    return json_answer(_state(model), 202 if model.phase in _UNDER_WAY else 200)


def _state(model: HostedModel) -> dict[str, Any]:
    since = datetime.fromtimestamp(model.since, UTC).isoformat(timespec="milliseconds")
    state = {
        "id": model.entry.id,
        "state": model.phase.value,
        "resident": model.resident,
        "since": since,
    }
    return state if model.error is None else {**state, "error": model.error}


def _shown(model: HostedModel) -> dict[str, Any]:
    entry = model.entry
    roles = {file.role for file in entry.source.files}
    return {
        **written(entry),
        **_state(model),
        "loadable": model.loadable,
        "images": entry.kind is TaskKind.LLM and bool(roles.intersection(_SIGHT)),
    }
