"""Jobs: queueing, looking, fetching results."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from studio_worker_core.wire.tasks import task_kind
from studio_worker_studio.auth import new_id
from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import JobView, Page, Submission, Submitted, job_view
from studio_worker_studio.routes.endpoint import Endpoint, answer, body_of, not_found, paging
from studio_worker_studio.store.records import JobRecord, JobState, ModelRecord, NewJob
from studio_worker_studio.studio import Studio

__all__ = ["ENDPOINTS"]

# A worker chose the MIME type: whatever it is, a browser must not run it as ours.
_RESULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


async def submit(studio: Studio, request: Request) -> Response:
    body = await body_of(request, Submission, studio.settings.max_body_bytes)
    model = None if body.model_source is not None else await _registered(studio, body)
    source = body.model_source or (model.source if model is not None else None)
    assert source is not None
    vram_gb = body.vram_gb_estimate
    if vram_gb is None:
        vram_gb = model.vram_gb if model is not None else 0.0
    job = NewJob(
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
    studio.fleet.job_changed(await studio.jobs.add(job, studio.clocks.wall()))
    return answer(Submitted(job_id=job.job_id), 201)


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


async def list_jobs(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    wanted = request.query_params.get("state")
    if wanted is not None and wanted not in list(JobState):
        raise ApiError(400, "invalid_request", f"state must be one of {', '.join(JobState)}")
    state = None if wanted is None else JobState(wanted)
    records = await studio.jobs.page(state, after, limit + 1)
    items = [_view(studio, job, whole=False) for job in records[:limit]]
    more = len(records) > limit
    return answer(Page(items=items, next=items[-1].job_id if more else None))


async def get_job(studio: Studio, request: Request) -> Response:
    return answer(_view(studio, await _known(studio, request), whole=True))


async def get_result(studio: Studio, request: Request) -> Response:
    job = await _known(studio, request)
    if job.state is not JobState.DONE:
        raise ApiError(409, "no_result", f"job {job.job_id} is {job.state}, not done")
    if job.file is None:
        return Response(job.json or b"null", media_type="application/json")
    path: Path = studio.results.path(job.job_id, job.file.ext)
    if not path.is_file():
        raise ApiError(410, "result_gone", f"the file of job {job.job_id} was removed")
    headers = {**_RESULT_HEADERS, "ETag": f'"{job.file.sha256}"'}
    return FileResponse(
        path,
        media_type=job.file.mime,
        headers=headers,
        filename=path.name,
        content_disposition_type="inline",
    )


async def retry(studio: Studio, request: Request) -> Response:
    job = await _known(studio, request)
    again = await studio.jobs.retry(job.job_id, studio.clocks.wall())
    if again is None:
        raise ApiError(
            409, "not_retryable", f"job {job.job_id} is {job.state}; only an ended one is retried"
        )
    studio.fleet.job_changed(again)
    return answer(_view(studio, again, whole=False))


async def cancel(studio: Studio, request: Request) -> Response:
    job = await _known(studio, request)
    cancelled = await studio.fleet.cancel(job.job_id)
    if cancelled is None:
        raise ApiError(409, "already_ended", f"job {job.job_id} has ended already")
    return answer(_view(studio, cancelled, whole=False))


async def _known(studio: Studio, request: Request) -> JobRecord:
    job_id = request.path_params["job_id"]
    job = await studio.jobs.get(job_id)
    if job is None:
        raise not_found("job", job_id)
    return job


def _view(studio: Studio, job: JobRecord, *, whole: bool) -> JobView:
    return job_view(job, studio.fleet.progress.get(job.job_id), whole=whole)


ENDPOINTS = (
    Endpoint("POST", "/jobs", submit, "Queue a job", body=Submission, answer=Submitted, status=201),
    Endpoint(
        "GET",
        "/jobs",
        list_jobs,
        "Jobs in the order they were queued",
        answer=Page[JobView],
        query=("limit", "after", "state"),
    ),
    Endpoint("GET", "/jobs/{job_id}", get_job, "One job", answer=JobView),
    Endpoint(
        "GET",
        "/jobs/{job_id}/result",
        get_result,
        "The file, ranges supported, or the JSON answer",
    ),
    Endpoint(
        "POST",
        "/jobs/{job_id}/retry",
        retry,
        "Queue a failed or cancelled job again",
        answer=JobView,
    ),
    Endpoint(
        "POST",
        "/jobs/{job_id}/cancel",
        cancel,
        "Cancel; a second time takes the job from its worker at once",
        answer=JobView,
    ),
)
