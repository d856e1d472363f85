"""What is made of a picture: ``/mesh``, and ``/vision``, which no engine has a task for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from studio_worker_core.local_api.answers import ResultAnswer, json_answer
from studio_worker_core.local_api.api import Api
from studio_worker_core.local_api.errors import BadRequest, NotServed, UnknownModel, WrongModel
from studio_worker_core.local_api.original.picture_bodies import (
    ClassifyOptions,
    DetectOptions,
    MeshOptions,
    SpeciesOptions,
    picture_of,
)
from studio_worker_core.wire.tasks import MAX_SEED, TaskKind

_VISION = "vision"
"""The original's word in its catalogue for models that look at pictures."""


class PictureInRoutes:
    """The routes that a picture is sent to, over one :class:`.Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def routes(self) -> list[Route]:
        """The routes, for an application."""
        return [
            Route("/mesh", self.mesh, methods=["POST"]),
            Route("/vision/detect", self.detect, methods=["POST"]),
            Route("/vision/classify", self.classify, methods=["POST"]),
            Route("/vision/species", self.species, methods=["POST"]),
        ]

    async def mesh(self, request: Request) -> Response:
        """``POST /mesh``: a 3D model."""
        async with picture_of(request, MeshOptions, self._api) as (options, path):
            fields = {"image_url": "upload:image"}
            seed = None if options.seed is None else int(options.seed)
            if seed is not None and seed > MAX_SEED:
                raise BadRequest(f"seed: expected a whole number of at most {MAX_SEED}")
            if not any(each.kind is TaskKind.MESH for each in await self._api.served()):
                raise NotServed("no engine here makes 3D models; 'studio-worker engines list'")
            model = await self._api.model(options.model, TaskKind.MESH)
            task = self._api.task(model, fields if seed is None else {**fields, "seed": seed})
            made = await self._api.do(request, model, task, {"image": path})
        return ResultAnswer(made) if made.path is not None else json_answer(made.answer)

    async def detect(self, request: Request) -> Response:
        """``POST /vision/detect``: what is to be seen, and where."""
        async with picture_of(request, DetectOptions, self._api) as (options, _):
            return await self._looked_at(options.model)

    async def classify(self, request: Request) -> Response:
        """``POST /vision/classify``: what a picture shows."""
        async with picture_of(request, ClassifyOptions, self._api) as (options, _):
            return await self._looked_at(options.model)

    async def species(self, request: Request) -> Response:
        """``POST /vision/species``: which animals are to be seen."""
        async with picture_of(request, SpeciesOptions, self._api) as (options, _):
            return await self._looked_at(options.detector, options.classifier)

    async def _looked_at(self, *models: str | None) -> Response:
        """Refuse it, with the reason that comes first."""
        for model in models:
            if model is None:
                continue
            kinds = await self._api.kinds_of(model)
            if not kinds:
                raise UnknownModel(f"there is no model '{model[:100]}' here")
            if _VISION not in kinds:
                does = ", ".join(sorted(kind for kind in kinds if kind)) or "other work"
                raise WrongModel(f"model '{model[:100]}' does {does}; it does not look at pictures")
        raise NotServed("no engine here looks at pictures; 'studio-worker engines list'")
