"""``/v1/audio``."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.errors import JobError
from studio_worker_core.local_api.answers import ResultAnswer, event_stream
from studio_worker_core.local_api.api import Api, uploads
from studio_worker_core.local_api.bodies import SMALL, fields_of, files_of, form_of, read_body
from studio_worker_core.local_api.errors import BadRequest, ClientGone, Refused
from studio_worker_core.local_api.live import LiveJob, LiveStream
from studio_worker_core.local_api.openai import speech, transcripts
from studio_worker_core.local_api.openai.chat_answers import event
from studio_worker_core.local_api.openai.fields import read_fields, read_json
from studio_worker_core.local_api.openai.pcm import pcm_of
from studio_worker_core.local_api.openai.telling import failed
from studio_worker_core.local_api.work import Made
from studio_worker_core.wire.tasks import TaskKind

_PART = 48 * 1024


class SoundRoutes:
    """The routes of speech and transcription over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/v1/audio/speech", self.speak, methods=["POST"]),
            Route("/v1/audio/transcriptions", self.transcriptions, methods=["POST"]),
            Route("/v1/audio/translations", self.translations, methods=["POST"]),
        ]

    async def speak(self, request: Request) -> Response:
        """``POST /v1/audio/speech``."""
        asked = read_json(speech.SpeechRequest, await read_body(request, SMALL))
        model = await self._api.model(asked.model, TaskKind.AUDIO_TTS)
        fields = speech.speech_fields(asked, model.extensions, self._api.names().voices)
        made = await self._api.do(request, model, self._api.task(model, fields))
        if (asked.response_format or "").lower() == "pcm":
            made = await run_in_threadpool(pcm_of, made)
        if asked.stream_format == "sse":
            return event_stream(_speech_events(made))
        return ResultAnswer(made)

    async def transcriptions(self, request: Request) -> Response:
        """``POST /v1/audio/transcriptions``."""
        return await self._transcribed(request, translate=False)

    async def translations(self, request: Request) -> Response:
        """``POST /v1/audio/translations``: into English."""
        return await self._transcribed(request, translate=True)

    async def _transcribed(self, request: Request, *, translate: bool) -> Response:
        async with form_of(request, self._api.max_upload_bytes()) as form:
            asked = read_fields(transcripts.TranscriptionRequest, fields_of(form))
            files = files_of(form, "file")
            if len(files) != 1:
                raise BadRequest("one file is needed", param="file")
            model = await self._api.model(asked.model, TaskKind.AUDIO_STT)
            fields = transcripts.transcript_fields(asked, translate=translate)
            task = self._api.task(model, {**fields, "input_url": "upload:input"})
            with ExitStack() as kept:
                directory = kept.enter_context(uploads())
                inputs = await self._api.saved({"input": files[0]}, directory)
                if asked.stream:
                    live = await self._api.live(request, model, task, inputs)
                    # The upload is needed until the stream's end.
                    return LiveStream(_transcript_events(live), live, kept.pop_all().close)
                made = await self._api.do(request, model, task, inputs)
        answer = made.answer if isinstance(made.answer, dict) else {}
        body, media_type = transcripts.rendered(answer, asked.response_format)
        return Response(body, media_type=media_type)


async def _transcript_events(live: LiveJob) -> AsyncGenerator[bytes]:
    kind, told = "transcript.text.delta", ""
    try:
        async for piece in live.pieces():
            told += piece
            yield event({"type": kind, "delta": piece}, kind)
        answer = live.made.answer if isinstance(live.made.answer, dict) else {}
        text = msgspec.convert(answer, transcripts.Transcript, strict=False).text
        if text.startswith(told) and text != told:
            yield event({"type": kind, "delta": text[len(told) :]}, kind)
        kind = "transcript.text.done"
        yield event({"type": kind, "text": text}, kind)
    except ClientGone:
        return
    except (Refused, JobError) as error:
        yield failed(error)


def _speech_events(made: Made) -> Iterator[bytes]:
    """The sound in parts; read as it is sent."""
    assert made.path is not None
    try:
        with made.path.open("rb") as sound:
            while part := sound.read(_PART):
                audio = base64.b64encode(part).decode("ascii")
                kind = "speech.audio.delta"
                yield event({"type": kind, "audio": audio}, kind)
        kind = "speech.audio.done"
        nothing = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        yield event({"type": kind, "usage": nothing}, kind)
    finally:
        made.release()
