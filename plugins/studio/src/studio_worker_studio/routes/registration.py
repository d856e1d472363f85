"""Letting workers in (protocol §2)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from studio_worker_core.wire.registration import (
    ApprovedDecision,
    PendingDecision,
    RegisterRequest,
    RegisterResponse,
    RegistrationDecision,
    RejectedDecision,
)
from studio_worker_core.wire.timestamps import timestamp
from studio_worker_studio.auth import bearer_of, matches
from studio_worker_studio.errors import ApiError
from studio_worker_studio.messages import Page, PendingView, RejectBody
from studio_worker_studio.rate_limit import network_of
from studio_worker_studio.routes.endpoint import Endpoint, answer, body_of, not_found, paging
from studio_worker_studio.store.records import Full, PendingLimits
from studio_worker_studio.studio import Studio

_MAX_BODY = 1024 * 1024


async def ask(studio: Studio, request: Request) -> Response:
    source = request.client.host if request.client is not None else "unknown"
    wait = studio.registration_limit.take(network_of(source))
    if wait is not None:
        raise _too_many("too many registration requests from this address", wait)
    body = await body_of(request, RegisterRequest, _MAX_BODY)
    record = await studio.registrations.ask(body, source, studio.clocks.wall(), _limits(studio))
    if isinstance(record, Full):
        raise _too_many(record.value, 60)
    if studio.settings.auto_approve:
        await studio.registrations.approve(record.request_id, studio.clocks.wall())
    studio.notifier.tell("workersChanged")
    return answer(RegisterResponse(request_id=record.request_id))


async def poll(studio: Studio, request: Request) -> Response:
    request_id = request.path_params["request_id"]
    record = await studio.registrations.get(request_id)
    if record is None:
        raise not_found("registration request", request_id)
    if not matches(bearer_of(request.headers), record.secret_hash):
        raise ApiError(401, "auth_failed", "the registration secret is not the right one")
    if record.state == "pending":
        return answer(PendingDecision())
    if record.state == "rejected":
        return answer(RejectedDecision(reason=record.reason))
    worker_id = record.worker_id or ""
    token = await studio.workers.mint_token(worker_id)
    if token is None:  # approved, and deleted since
        raise not_found("registration request", request_id)
    return answer(ApprovedDecision(worker_id=worker_id, auth_token=token))


async def pending(studio: Studio, request: Request) -> Response:
    limit, after = paging(request)
    keep = studio.settings.keep_pending_seconds
    await studio.registrations.forget_pending(studio.clocks.wall() - keep)
    records = await studio.registrations.pending(after, limit + 1)
    items = [
        PendingView(
            request_id=record.request_id,
            install_id=record.install_id,
            capabilities=record.capabilities,
            user_agent=record.user_agent,
            source_address=record.source_address,
            created_at=timestamp(record.created_at),
        )
        for record in records[:limit]
    ]
    more = len(records) > limit
    return answer(Page(items=items, next=items[-1].request_id if more else None))


async def approve(studio: Studio, request: Request) -> Response:
    request_id = request.path_params["request_id"]
    record = await studio.registrations.approve(request_id, studio.clocks.wall())
    if record is None:
        raise await _not_pending(studio, request_id)
    studio.notifier.tell("workersChanged", record.worker_id)
    return answer({"requestId": request_id, "status": "approved", "workerId": record.worker_id})


async def reject(studio: Studio, request: Request) -> Response:
    request_id = request.path_params["request_id"]
    body = await body_of(request, RejectBody, _MAX_BODY)
    await turn_down(studio, request_id, body.reason)
    return answer({"requestId": request_id, "status": "rejected"})


async def turn_down(studio: Studio, request_id: str, reason: str | None) -> None:
    """Turn a worker down.

    Raises:
        ApiError: the request does not wait for a decision.
    """
    if not await studio.registrations.reject(request_id, reason, studio.clocks.wall()):
        raise await _not_pending(studio, request_id)
    studio.notifier.tell("workersChanged")


async def _not_pending(studio: Studio, request_id: str) -> ApiError:
    record = await studio.registrations.get(request_id)
    if record is None:
        return not_found("registration request", request_id)
    return ApiError(409, "already_decided", f"{request_id} is {record.state} already")


def _limits(studio: Studio) -> PendingLimits:
    settings = studio.settings
    return PendingLimits(
        per_address=settings.max_pending_per_address,
        all=settings.max_pending_registrations,
        keep_seconds=settings.keep_pending_seconds,
    )


def _too_many(message: str, seconds: int) -> ApiError:
    return ApiError(
        429,
        "too_many_requests",
        f"{message}; try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/workers/register-request",
        ask,
        "Ask to be let in as a worker",
        access="public",
        body=RegisterRequest,
        answer=RegisterResponse,
    ),
    Endpoint(
        "GET",
        "/workers/register-requests/{request_id}",
        poll,
        "Ask what was decided",
        access="registrant",
        answer=RegistrationDecision,
    ),
    Endpoint(
        "GET",
        "/workers/pending",
        pending,
        "Requests that wait for a decision",
        answer=Page[PendingView],
        query=("limit", "after"),
    ),
    Endpoint("POST", "/workers/pending/{request_id}/approve", approve, "Let a worker in"),
    Endpoint(
        "POST",
        "/workers/pending/{request_id}/reject",
        reject,
        "Turn a worker down",
        body=RejectBody,
    ),
)
