"""``POST /jobs``: queueing, once for each ``Idempotency-Key``."""

from __future__ import annotations

import hashlib
import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.wire.bounds import MAX_FRAME_BYTES
from studio_worker_core.wire.tasks import task_kind
from studio_worker_studio.auth import new_id
from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import Submission, Submitted
from studio_worker_studio.routes.endpoint import Endpoint, answer, body_of
from studio_worker_studio.store.records import JobRecord, ModelRecord, NewJob
from studio_worker_studio.studio import Studio

_MOST_BYTES = MAX_FRAME_BYTES - 64 * 1024
"""What else is in an offer is bounded, and shorter than the rest."""
_KEY = re.compile(r"[!-~]{1,255}")


async def submit(studio: Studio, request: Request) -> Response:
    key = _key_of(request)
    body = await body_of(request, Submission, studio.settings.max_body_bytes)
    job_id, is_replayed = await queue(studio, body, key)
    made = answer(Submitted(job_id=job_id), 201)
    if is_replayed:
        made.headers["Idempotency-Replayed"] = "true"
    return made


async def queue(studio: Studio, body: Submission, key: str | None) -> tuple[str, bool]:
    """Queue a job, with a ``key`` once for each; its id, and whether it was there already.

    Raises:
        ApiError: the model is not to be had, or the key is in use or was used for another job.
    """
    if key is None:
        queued = await studio.jobs.add(await _job(studio, body), studio.clocks.wall())
        studio.fleet.job_changed(queued)
        return queued.job_id, False
    if key in studio.keys_in_progress:
        raise ApiError(
            409,
            "in_progress",
            "a request with this Idempotency-Key is being worked on; ask again",
            headers={"Retry-After": "1"},
        )
    studio.keys_in_progress.add(key)
    try:
        return await _submit_once(studio, key, body)
    finally:
        studio.keys_in_progress.discard(key)


async def _submit_once(studio: Studio, key: str, body: Submission) -> tuple[str, bool]:
    digest = hashlib.sha256(msgspec.json.encode(body)).hexdigest()
    # Looked for first: the same answer is due when the model was disabled since.
    known = await studio.jobs.known_key(key)
    if known is None:
        queued: JobRecord | None = await studio.jobs.add_once(
            await _job(studio, body), key, digest, studio.clocks.wall()
        )
        if queued is not None:
            studio.fleet.job_changed(queued)
            return queued.job_id, False
        known = await studio.jobs.known_key(key)
    if known is None or known[0] != digest:
        raise ApiError(
            409,
            "key_reused",
            "this Idempotency-Key was used with another body; a new job needs a new key",
        )
    return known[1], True


def _key_of(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise ApiError(
            400, "invalid_request", "Idempotency-Key must be 1 to 255 visible ASCII characters"
        )
    return key


async def _job(studio: Studio, body: Submission) -> NewJob:
    model = None if body.model_source is not None else await _registered(studio, body)
    source = body.model_source or (model.source if model is not None else None)
    assert source is not None
    if len(msgspec.json.encode(body.task)) + len(msgspec.json.encode(source)) > _MOST_BYTES:
        raise ApiError(
            413,
            "too_large",
            f"task and modelSource may have at most {_MOST_BYTES} bytes as JSON: no worker reads "
            "a longer offer",
        )
    vram_gb = body.vram_gb_estimate
    if vram_gb is None:
        vram_gb = model.vram_gb if model is not None else 0.0
    return NewJob(
        job_id=new_id("job"),
        model=body.model,
        task=body.task,
        source=source,
        vram_gb=vram_gb,
        priority=body.priority,
        max_attempts=body.max_attempts,
        game_id=body.game_id,
        asset_name=body.asset_name,
    )


async def _registered(studio: Studio, body: Submission) -> ModelRecord:
    model = await studio.models.get(body.model)
    if model is None:
        reason = "is not in the model registry; give a modelSource, or add it"
    elif not model.enabled:
        reason = "is disabled in the model registry"
    elif model.kind is not None and model.kind != task_kind(body.task):
        reason = f"is for {model.kind} jobs, not for {task_kind(body.task)}"
    else:
        return model
    raise ApiError(400, "unknown_model", f"the model {body.model!r} {reason}")


ENDPOINTS = (
    Endpoint(
        "POST",
        "/jobs",
        submit,
        "Queue a job; with an Idempotency-Key header once for each key",
        body=Submission,
        answer=Submitted,
        status=201,
    ),
)
