"""``/tokenize`` and ``/stream-tokens``: what no engine here can do yet, refused as the original
refuses it (recorded from it)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.bodies import SMALL, read_body
from studio_worker_core.local_api.errors import BadRequest, NotLoaded, NotServed, UnknownModel
from studio_worker_core.local_api.openai.fields import read_json
from studio_worker_core.wire.tasks import TaskKind


class TokenizeBody(Struct, frozen=True, kw_only=True):
    """``POST /tokenize``."""

    content: str
    model: str | None = None
    add_special: bool | None = None


class StreamTokenBody(Struct, frozen=True, rename="camel", kw_only=True):
    """``POST /stream-tokens``. The time is in seconds."""

    model: str
    ttl_secs: Annotated[int, Meta(ge=-(2**63))] | None = None


class TextInRoutes:
    """The routes over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/tokenize", self.tokenize, methods=["POST"]),
            Route("/stream-tokens", self.stream_token, methods=["POST"]),
        ]

    async def tokenize(self, request: Request) -> Response:
        """``POST /tokenize``: the tokens of a text, by a chat model that is loaded."""
        asked = read_json(TokenizeBody, await read_body(request, SMALL))
        if asked.model is not None:
            kinds = await self._known(asked.model)
            if TaskKind.LLM not in kinds:
                raise BadRequest(f"model '{asked.model[:100]}' does {_list(kinds)}, not llm")
        model = await self._api.model(asked.model, TaskKind.LLM)
        if not self._api.jobs.is_loaded(model):
            raise NotLoaded(model.id)
        raise NotServed(f"engine '{model.source.engine}' does not tell the tokens of a text")

    async def stream_token(self, request: Request) -> Response:
        """``POST /stream-tokens``: a token for streaming speech to a model."""
        asked = read_json(StreamTokenBody, await read_body(request, SMALL))
        kinds = await self._known(asked.model)
        served = [each.id for each in await self._api.served()]
        if TaskKind.AUDIO_STT not in kinds or asked.model in served:
            raise BadRequest(
                f"model '{asked.model[:100]}' does not take speech as a stream",
                code="not_a_stream_model",
            )
        raise NotServed(f"no engine here runs model '{asked.model[:100]}'")

    async def _known(self, model: str) -> frozenset[str]:
        kinds = await self._api.kinds_of(model)
        if not kinds:
            raise UnknownModel(f"there is no model '{model[:100]}' here")
        return kinds


def _list(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kind for kind in kinds if kind)) or "other work"
