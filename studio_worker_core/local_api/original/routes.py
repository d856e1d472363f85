"""The endpoints that make something: one job for one request, the bytes as the answer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.local_api.answers import ResultAnswer, json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.bodies import PICTURES, SMALL, read_body
from studio_worker_core.local_api.original.requests import (
    BodyT,
    ImageBody,
    SpeechBody,
    TranscriptBody,
    VideoBody,
    body_fields,
    read,
)
from studio_worker_core.wire.tasks import TaskKind


class OriginalRoutes:
    """The original worker's routes over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/image", self.image, methods=["POST"]),
            Route("/tts", self.speech, methods=["POST"]),
            Route("/stt", self.transcript, methods=["POST"]),
            Route("/video", self.video, methods=["POST"]),
        ]

    async def image(self, request: Request) -> Response:
        """``POST /image``: a picture."""
        return await self._made(request, ImageBody, TaskKind.IMAGE, PICTURES)

    async def speech(self, request: Request) -> Response:
        """``POST /tts``: a sound."""
        return await self._made(request, SpeechBody, TaskKind.AUDIO_TTS, SMALL)

    async def transcript(self, request: Request) -> Response:
        """``POST /stt``: a transcript."""
        return await self._made(request, TranscriptBody, TaskKind.AUDIO_STT, PICTURES)

    async def video(self, request: Request) -> Response:
        """``POST /video``: a clip."""
        return await self._made(request, VideoBody, TaskKind.VIDEO, SMALL)

    async def _made(
        self, request: Request, shape: type[BodyT], kind: TaskKind, most: int
    ) -> Response:
        body = read(shape, await read_body(request, most))
        fields = body_fields(body)
        model = await self._api.model(body.model, kind)
        made = await self._api.do(request, model, self._api.task(model, fields))
        return ResultAnswer(made) if made.path is not None else json_answer(made.answer)
