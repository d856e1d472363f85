"""``/v1/models``, and what is said in words: chats, completions, responses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from secrets import token_hex
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.local_api.answers import json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.bodies import PICTURES, SMALL, read_body
from studio_worker_core.local_api.live import LiveJob, LiveStream
from studio_worker_core.local_api.models import listed
from studio_worker_core.local_api.openai import chat, chat_answers, responses, telling
from studio_worker_core.local_api.openai.errors import error_body
from studio_worker_core.local_api.openai.fields import read_json
from studio_worker_core.local_api.openai.tools import check_able
from studio_worker_core.local_api.work import Made, Served
from studio_worker_core.wire.tasks import MAX_SEED, TaskKind


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
        fields = chat.chat_fields(asked)
        talk = await self._talk_of(asked, fields, chat.asked_of(asked))
        if asked.stream:
            return await self._streamed(request, asked, talk, chat_answers.Chunks)
        return json_answer(chat_answers.completion(await self._answers(request, asked, talk)))

    async def complete(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        asked = read_json(chat.CompletionRequest, await read_body(request, SMALL))
        talk = await self._talk_of(asked, chat.completion_fields(asked))
        if asked.stream:
            return await self._streamed(request, asked, talk, chat_answers.TextChunks)
        answers = await self._answers(request, asked, talk)
        return json_answer(chat_answers.text_completion(answers))

    async def respond(self, request: Request) -> Response:
        """``POST /v1/responses``."""
        asked = read_json(responses.ResponseRequest, await read_body(request, PICTURES))
        fields = responses.response_fields(asked)
        talk = _Talk(await self._api.model(asked.model, TaskKind.LLM), fields)
        if asked.stream:
            return await self._told(request, talk, None, [responses.Events])
        return json_answer(responses.response(await self._talk(request, talk, None)))

    async def _talk_of(
        self,
        asked: chat.Sampling,
        fields: dict[str, Any],
        answer: chat_answers.Asked = chat_answers.TEXT,
    ) -> _Talk:
        model = await self._api.model(asked.model, TaskKind.LLM)
        check_able(fields, model)
        seed = asked.seed if "seed" in model.able else None
        return _Talk(model, fields, answer, seed)

    async def _streamed(
        self,
        request: Request,
        asked: chat.Sampling,
        talk: _Talk,
        teller: type[chat_answers.Chunks | chat_answers.TextChunks],
    ) -> Response:
        with_usage = asked.stream_options.include_usage
        tellers = [partial(teller, with_usage=with_usage, index=index) for index in range(asked.n)]
        return await self._told(request, talk, _seconds(asked), tellers)

    async def _answers(
        self, request: Request, asked: chat.Sampling, talk: _Talk
    ) -> list[chat_answers.Said]:
        """As many as are asked for, one after the other; the deadline is that of all."""
        left = _countdown(_seconds(asked))
        return [await self._talk(request, talk, left(), index) for index in range(asked.n)]

    async def _talk(
        self, request: Request, talk: _Talk, deadline: float | None, index: int = 0
    ) -> chat_answers.Said:
        task = self._api.task(talk.model, talk.fields_of(index))
        made = await self._api.do(request, talk.model, task, deadline=deadline)
        said = talk.said(made, made.job_id, self._api.created())
        return telling.cut_at_stops(said, telling.stops_of(task))

    async def _told(
        self,
        request: Request,
        talk: _Talk,
        deadline: float | None,
        tellers: Sequence[Callable[[chat_answers.Said], telling.Teller]],
    ) -> Response:
        """The answers while they are made: the first piece is there when this returns."""
        left = _countdown(deadline)

        async def start(index: int) -> LiveJob:
            task = self._api.task(talk.model, talk.fields_of(index))
            return await self._api.live(request, talk.model, task, deadline=left())

        live = await start(0)
        name, created = token_hex(12), self._api.created()
        none = chat_answers.said_by({}, job_id=name, model=talk.model.id, created=created)
        events = telling.events_of(
            live,
            [teller_of(none) for teller_of in tellers],
            lambda made: talk.said(made, name, created),
            telling.stops_of(self._api.task(talk.model, talk.fields)),
            start,
        )
        return LiveStream(events, live, lambda: None)


class _Talk(Struct, frozen=True):
    """What is asked of which model."""

    model: Served
    fields: dict[str, Any]
    """The task's parameters."""
    asked: chat_answers.Asked = chat_answers.TEXT
    seed: int | None = None

    def fields_of(self, index: int) -> dict[str, Any]:
        """The parameters of one of several answers: each has a seed of its own."""
        if self.seed is None:
            return self.fields
        given = self.fields.get("options") or {}
        own = {"seed": (self.seed + index) % (MAX_SEED + 1)}
        return self.fields | {"options": own | given}

    def said(self, made: Made, name: str, created: int) -> chat_answers.Said:
        """The answer of a finished job, under the id ``name``."""
        answer = made.answer if isinstance(made.answer, dict) else {}
        return chat_answers.said_by(
            answer, job_id=name, model=self.model.id, created=created, asked=self.asked
        )


def _countdown(seconds: float | None) -> Callable[[], float | None]:
    """What is left of ``seconds`` from now, each time it is asked."""
    until = None if seconds is None else time.monotonic() + seconds
    return lambda: None if until is None else max(until - time.monotonic(), 0.0)


def _seconds(asked: chat.Sampling) -> float | None:
    return None if asked.deadline_ms is None else asked.deadline_ms / 1000
