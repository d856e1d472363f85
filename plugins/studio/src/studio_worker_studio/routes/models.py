"""The model registry."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import ModelBody, ModelView, Page, model_view
from studio_worker_studio.routes.endpoint import Endpoint, answer, body_of, not_found, paging
from studio_worker_studio.store.records import ModelRecord
from studio_worker_studio.studio import Studio


async def list_models(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    records = await studio.models.page(after, limit + 1)
    items = [model_view(record) for record in records[:limit]]
    return answer(Page(items=items, next=items[-1].id if len(records) > limit else None))


async def get_model(studio: Studio, request: Request) -> Response:
    model_id = request.path_params["model_id"]
    model = await studio.models.get(model_id)
    if model is None:
        raise not_found("model", model_id)
    return answer(model_view(model))


async def put_model(studio: Studio, request: Request) -> Response:
    model_id = request.path_params["model_id"]
    if len(model_id) > 512:
        raise ApiError(400, "invalid_request", "a model id has at most 512 characters")
    body = await body_of(request, ModelBody, studio.settings.max_body_bytes)
    model = ModelRecord(
        model_id=model_id,
        display_name=body.display_name or model_id,
        kind=body.kind,
        vram_gb=body.vram_gb_estimate,
        source=body.source,
        enabled=body.enabled,
    )
    new = await studio.models.put(model)
    return answer(model_view(model), 201 if new else 200)


async def delete_model(studio: Studio, request: Request) -> Response:
    model_id = request.path_params["model_id"]
    if not await studio.models.delete(model_id):
        raise not_found("model", model_id)
    return Response(status_code=204)


_PATH = "/models/{model_id:path}"

ENDPOINTS = (
    Endpoint(
        "GET",
        "/models",
        list_models,
        "The models that jobs may name",
        answer=Page[ModelView],
        query=("limit", "after"),
    ),
    Endpoint("GET", _PATH, get_model, "One model", answer=ModelView),
    Endpoint("PUT", _PATH, put_model, "Add or replace", body=ModelBody, answer=ModelView),
    Endpoint("DELETE", _PATH, delete_model, "Remove; jobs in the queue keep it", status=204),
)
