"""``/v1/models``, and what is said in words: chats, completions, responses."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.local_api.answers import event_stream, json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.bodies import PICTURES, SMALL, read_body
from studio_worker_core.local_api.models import listed
from studio_worker_core.local_api.openai import chat, chat_answers, responses
from studio_worker_core.local_api.openai.errors import error_body
from studio_worker_core.local_api.openai.fields import read_json
from studio_worker_core.local_api.work import Served
from studio_worker_core.wire.tasks import TaskKind


class TextRoutes:
    """The routes of models and words over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/v1/chat/completions", self.converse, methods=["POST"]),
            Route("/v1/completions", self.complete, methods=["POST"]),
            Route("/v1/responses", self.respond, methods=["POST"]),
        ]

    async def models(self, _: Request) -> Response:
        """``GET /v1/models``."""
        return json_answer({"object": "list", "data": await self._listed()})

    async def model(self, request: Request) -> Response:
        """``GET /v1/models/{id}``; an id may hold slashes."""
        name = request.path_params["name"]
        for entry in await self._listed():
            if entry["id"] == name:
                return json_answer(entry)
        body = error_body(404, f"there is no model '{name[:100]}' here", code="model_not_found")
        return json_answer(body, 404)

    async def _listed(self) -> list[dict[str, Any]]:
        return listed(await self._api.served(), self._api.names().aliases)

    async def converse(self, request: Request) -> Response:
        """``POST /v1/chat/completions``."""
        asked = read_json(chat.ChatRequest, await read_body(request, PICTURES))
        said = await self._said(request, asked, chat.chat_fields(asked))
        if asked.stream:
            usage = asked.stream_options.include_usage
            return event_stream(chat_answers.chunks(said, with_usage=usage))
        return json_answer(chat_answers.completion(said))

    async def complete(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        asked = read_json(chat.CompletionRequest, await read_body(request, SMALL))
        said = await self._said(request, asked, chat.completion_fields(asked))
        if asked.stream:
            usage = asked.stream_options.include_usage
            return event_stream(chat_answers.text_chunks(said, with_usage=usage))
        return json_answer(chat_answers.text_completion(said))

    async def respond(self, request: Request) -> Response:
        """``POST /v1/responses``."""
        asked = read_json(responses.ResponseRequest, await read_body(request, PICTURES))
        model = await self._api.model(asked.model, TaskKind.LLM)
        said = await self._talk(request, model, responses.response_fields(asked), None)
        if asked.stream:
            return event_stream(responses.events(said))
        return json_answer(responses.response(said))

    async def _said(
        self, request: Request, asked: chat.Sampling, fields: dict[str, Any]
    ) -> chat_answers.Said:
        model = await self._api.model(asked.model, TaskKind.LLM)
        seconds = None if asked.deadline_ms is None else asked.deadline_ms / 1000
        return await self._talk(request, model, fields, seconds)

    async def _talk(
        self, request: Request, model: Served, fields: dict[str, Any], deadline: float | None
    ) -> chat_answers.Said:
        made = await self._api.do(request, model, self._api.task(model, fields), deadline=deadline)
        answer = made.answer if isinstance(made.answer, dict) else {}
        return chat_answers.said_by(
            answer, job_id=made.job_id, model=model.id, created=self._api.created()
        )
