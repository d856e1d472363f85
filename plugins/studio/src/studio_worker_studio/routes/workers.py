"""The roster."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.wire.timestamps import timestamp
from studio_worker_studio.dispatch import is_candidate
from studio_worker_studio.messages import Page, WorkerView
from studio_worker_studio.routes.endpoint import Endpoint, answer, not_found, paging
from studio_worker_studio.store.records import WorkerRecord
from studio_worker_studio.studio import Studio

_State = Literal["offline", "idle", "busy", "paused"]


async def list_workers(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    records = await studio.workers.page(after, limit + 1)
    items = [worker_view(studio, record) for record in records[:limit]]
    more = len(records) > limit
    return answer(Page(items=items, next=items[-1].worker_id if more else None))


async def get_worker(studio: Studio, request: Request) -> Response:
    return answer(worker_view(studio, await _known(studio, request)))


async def delete_worker(studio: Studio, request: Request) -> Response:
    worker = await _known(studio, request)
    if not await studio.workers.delete(worker.worker_id, studio.clocks.wall()):
        raise not_found("worker", worker.worker_id)
    await studio.fleet.expel(worker.worker_id)
    return Response(status_code=204)


async def _known(studio: Studio, request: Request) -> WorkerRecord:
    worker_id = request.path_params["worker_id"]
    worker = await studio.workers.get(worker_id)
    if worker is None or worker.deleted_at is not None:
        raise not_found("worker", worker_id)
    return worker


def worker_view(studio: Studio, worker: WorkerRecord) -> WorkerView:
    """A worker as the operator sees it now."""
    session = studio.fleet.sessions.get(worker.worker_id)
    state: _State = "offline"
    heartbeat = worker.last_heartbeat_at
    capabilities, current = worker.capabilities, None
    if session is not None and session.ready:
        view = session.view()
        capabilities = session.capabilities
        current = next(iter(session.held), view.current_job_id)
        heartbeat = studio.clocks.wall() - (studio.clocks.now() - session.last_heartbeat)
        if current is not None:
            state = "busy"
        elif is_candidate(view) or session.reserving or session.resting:
            state = "idle" if capabilities.auto_enabled else "paused"
        else:
            state = "paused"
    return WorkerView(
        worker_id=worker.worker_id,
        install_id=worker.install_id,
        state=state,
        capabilities=capabilities,
        user_agent=worker.user_agent,
        created_at=timestamp(worker.created_at),
        last_heartbeat=None if heartbeat is None else timestamp(heartbeat),
        current_job_id=current,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/workers",
        list_workers,
        "All workers and what they do",
        answer=Page[WorkerView],
        query=("limit", "after"),
    ),
    Endpoint("GET", "/workers/{worker_id}", get_worker, "One worker", answer=WorkerView),
    Endpoint(
        "DELETE",
        "/workers/{worker_id}",
        delete_worker,
        "Strike a worker off; its jobs go to others",
        status=204,
    ),
)
