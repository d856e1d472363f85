"""``/v1/images``."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.errors import JobError
from studio_worker_core.local_api.answers import event_stream, json_answer
from studio_worker_core.local_api.api import Api, uploads
from studio_worker_core.local_api.bodies import PICTURES, fields_of, files_of, form_of, read_body
from studio_worker_core.local_api.errors import BadRequest, ClientGone, Refused
from studio_worker_core.local_api.live import LiveStream
from studio_worker_core.local_api.openai import chat_answers, pictures
from studio_worker_core.local_api.openai.fields import read_fields, read_json
from studio_worker_core.local_api.openai.telling import failed
from studio_worker_core.local_api.work import Made, Partial, Served
from studio_worker_core.wire.tasks import ImageTask, TaskKind


class PictureRoutes:
    """The picture routes over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/v1/images/generations", self.generations, methods=["POST"]),
            Route("/v1/images/edits", self.edits, methods=["POST"]),
            Route("/v1/images/variations", self.variations, methods=["POST"]),
        ]

    async def generations(self, request: Request) -> Response:
        """``POST /v1/images/generations``."""
        asked = read_json(pictures.PictureRequest, await read_body(request, PICTURES))
        if not asked.prompt:
            raise BadRequest("prompt is missing", param="prompt")
        return await self._pictures(request, asked, {})

    async def edits(self, request: Request) -> Response:
        """``POST /v1/images/edits``: the first picture is changed, a second one is looked at."""
        async with form_of(request, self._api.max_upload_bytes()) as form:
            asked = read_fields(pictures.PictureRequest, fields_of(form))
            if not asked.prompt:
                raise BadRequest("prompt is missing", param="prompt")
            images, masks = files_of(form, "image"), files_of(form, "mask")
            if not images:
                raise BadRequest("image is missing", param="image")
            if len(images) > 2:
                raise BadRequest("at most two images are looked at", param="image")
            named = dict(zip(("init_image", "ref_image"), images, strict=False))
            if masks:
                named["mask"] = masks[0]
            with uploads() as directory:
                files = await self._api.saved(named, directory)
                if "mask" in files:
                    await run_in_threadpool(_paint_what_is_clear, files["mask"])
                return await self._pictures(request, asked, files)

    async def variations(self, request: Request) -> Response:
        """``POST /v1/images/variations``."""
        async with form_of(request, self._api.max_upload_bytes()) as form:
            asked = read_fields(pictures.PictureRequest, fields_of(form))
            images = files_of(form, "image")
            if len(images) != 1:
                raise BadRequest("one image is needed", param="image")
            with uploads() as directory:
                files = await self._api.saved({"init_image": images[0]}, directory)
                return await self._pictures(request, asked, files)

    async def _pictures(
        self, request: Request, asked: pictures.PictureRequest, inputs: dict[str, Path]
    ) -> Response:
        how = pictures.delivery_of(asked)
        fields = pictures.picture_fields(asked)
        pictures.check_compression(asked)
        model = await self._api.model(asked.model, TaskKind.IMAGE)
        steps = pictures.steps_of(asked, model.source.cli_defaults.steps)
        if steps is not None:
            fields["steps"] = steps
        if asked.stream and asked.partial_images and asked.n == 1 and not inputs:
            return await self._in_the_making(request, asked, model, fields)
        done: list[pictures.Picture] = []
        size = (0, 0)
        for seed in pictures.seeds_of(asked):
            task = self._api.task(model, fields | ({} if seed is None else {"seed": seed}))
            assert isinstance(task, ImageTask)
            made = await self._api.do(request, model, task, inputs)
            size = (task.width, task.height)
            done.append(await run_in_threadpool(self._picture, made, str(request.base_url), how))
        body = pictures.answer(done, asked, created=self._api.created(), size=size)
        if asked.stream:
            return event_stream(_picture_events(body, edited="init_image" in inputs))
        return json_answer(body)

    async def _in_the_making(
        self,
        request: Request,
        asked: pictures.PictureRequest,
        model: Served,
        fields: dict[str, Any],
    ) -> Response:
        """One picture, with what it looks like meanwhile."""
        (seed,) = pictures.seeds_of(asked)
        task = self._api.task(model, fields | ({} if seed is None else {"seed": seed}))
        assert isinstance(task, ImageTask)
        size, base = (task.width, task.height), str(request.base_url)
        how = pictures.delivery_of(asked)
        live = await self._api.live(request, model, task, previews=True)

        async def events() -> AsyncGenerator[bytes]:
            created = self._api.created()
            common = pictures.answer([], asked, created=created, size=size)
            try:
                number = 0
                async for news in live.output():
                    if isinstance(news, Partial) and pictures.is_due(news, number, asked):
                        yield _partial_event(news, number, common)
                        number += 1
                made = await run_in_threadpool(self._picture, live.made, base, how)
                body = pictures.answer([made], asked, created=created, size=size)
                for event in _picture_events(body, edited=False):
                    yield event
            except ClientGone:
                return
            except (Refused, JobError, OSError) as error:
                yield failed(error)

        return LiveStream(events(), live, lambda: None)

    def _picture(self, made: Made, base: str, how: str) -> pictures.Picture:
        assert made.path is not None
        try:
            data = made.path.read_bytes() if how != "url" else b""
            url = ""
            if how != "b64_json":
                url = f"{base.rstrip('/')}/files/{self._api.files.keep(made.path, made.media_type)}"
            seed = made.meta.get("seed")
            return pictures.Picture(data, url, seed if isinstance(seed, int) else None)
        finally:
            made.release()


def _partial_event(partial: Partial, number: int, common: dict[str, Any]) -> bytes:
    kind = "image_generation.partial_image"
    shown = {name: value for name, value in common.items() if name not in ("data", "created")}
    picture = base64.b64encode(partial.preview.data).decode("ascii")
    ext = "png" if partial.preview.ext == "png" else "jpeg"
    fields = {"partial_image_index": number, "b64_json": picture, "created_at": common["created"]}
    return chat_answers.event({"type": kind, **shown, "output_format": ext, **fields}, kind)


def _picture_events(body: dict[str, Any], *, edited: bool) -> Iterator[bytes]:
    kind = f"image_{'edit' if edited else 'generation'}.completed"
    for entry in body["data"]:
        whole = {name: value for name, value in body.items() if name not in ("data", "created")}
        event = {"type": kind, "created_at": body["created"], **whole, **entry}
        yield chat_answers.event(event, kind)


def _paint_what_is_clear(mask: Path) -> None:
    """OpenAI's masks are clear where the picture is to change; ours are white there."""
    try:
        with Image.open(mask) as image:
            if "A" not in image.getbands():
                return
            clear = image.getchannel("A").point(lambda alpha: 255 - alpha)
    except (OSError, ValueError, Image.DecompressionBombError):
        return  # judged where inputs are
    clear.save(mask, format="PNG")
