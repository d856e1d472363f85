"""Jobs: looking, changing, deleting."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import JobView, Page, job_view
from studio_worker_studio.routes.endpoint import (
    Endpoint,
    answer,
    job_of,
    newest_first,
    paging,
    whole_number,
)
from studio_worker_studio.store.records import JobRecord, JobState
from studio_worker_studio.studio import Studio


async def list_jobs(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    wanted = request.query_params.get("state")
    if wanted is not None and wanted not in list(JobState):
        raise ApiError(400, "invalid_request", f"state must be one of {', '.join(JobState)}")
    records = await studio.jobs.page(
        None if wanted is None else JobState(wanted),
        None if after is None else await _place(studio, after),
        limit + 1,
        prefix=request.query_params.get("prefix", ""),
        newest_first=newest_first(request),
    )
    items = [_view(studio, job, whole=False) for job in records[:limit]]
    more = len(records) > limit
    return answer(Page(items=items, next=str(records[limit - 1].id) if more else None))


async def _place(studio: Studio, after: str) -> int:
    """The place in the list that a cursor names: its number, which holds when the job there is
    deleted meanwhile, or a job's id."""
    number = whole_number(after)
    if number is not None:
        return number
    job = await studio.jobs.get(after)
    if job is None:
        raise ApiError(400, "invalid_request", "after is none of the ids of this list")
    return job.id


async def get_job(studio: Studio, request: Request) -> Response:
    return answer(_view(studio, await job_of(studio, request), whole=True))


async def delete_job(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    if not await studio.housekeeping.delete_job(job):
        raise ApiError(
            409, "not_ended", f"job {job.job_id} is {job.state}; cancel it first, then delete it"
        )
    return Response(status_code=204)


async def retry(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    again = await studio.jobs.retry(job.job_id, studio.clocks.wall())
    if again is None:
        raise ApiError(
            409, "not_retryable", f"job {job.job_id} is {job.state}; only an ended one is retried"
        )
    studio.fleet.job_changed(again)
    return answer(_view(studio, again, whole=False))


async def cancel(studio: Studio, request: Request) -> Response:
    job = await job_of(studio, request)
    cancelled = await studio.fleet.cancel(job.job_id)
    if cancelled is None:
        raise ApiError(409, "already_ended", f"job {job.job_id} has ended already")
    return answer(_view(studio, cancelled, whole=False))


def _view(studio: Studio, job: JobRecord, *, whole: bool) -> JobView:
    return job_view(job, studio.fleet.progress.get(job.job_id), whole=whole)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/jobs",
        list_jobs,
        "Jobs in the order they were queued, or the newest first",
        answer=Page[JobView],
        query=("limit", "after", "state", "order", "prefix"),
    ),
    Endpoint("GET", "/jobs/{job_id}", get_job, "One job", answer=JobView),
    Endpoint(
        "DELETE",
        "/jobs/{job_id}",
        delete_job,
        "Delete an ended job with its result and log entries",
        status=204,
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
