"""One job, for a client that waits for it and may leave."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request

from studio_worker_core.errors import JobCancelled, JobError
from studio_worker_core.local_api.errors import Busy, ClientGone, DeadlinePassed
from studio_worker_core.local_api.work import LocalJobs, Made, OnEnd, Work


async def do(
    jobs: LocalJobs, work: Work, request: Request, *, deadline: float | None = None
) -> Made:
    """Have a job done while the client waits; one that hangs up, or whose deadline passes,
    ends the job at once.

    :param deadline: seconds from now.

    Raises:
        Busy, ClientGone, DeadlinePassed: as said there.
        JobError: the job failed.
    """
    end: asyncio.Future[Made | JobError] = asyncio.get_running_loop().create_future()
    stop = jobs.start(work, _told(end))
    gone = asyncio.ensure_future(_hung_up(request))
    waited: set[asyncio.Future[Any]] = {end, gone}
    try:
        await asyncio.wait(waited, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            raise ClientGone if gone.done() else DeadlinePassed
        outcome = end.result()
    finally:
        if not end.done():
            stop()
            end.cancel()
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
    if isinstance(outcome, Made):
        return outcome
    if isinstance(outcome, JobCancelled):
        raise Busy from outcome  # not by this client: the worker stops, or made room
    raise outcome


def _told(end: asyncio.Future[Made | JobError]) -> OnEnd:
    """What a job's thread calls: the outcome goes to ``end``, or back when nobody waits."""

    def settle(outcome: Made | JobError) -> None:
        if not end.done():
            end.set_result(outcome)
        elif isinstance(outcome, Made):
            outcome.release()

    def ended(outcome: Made | JobError) -> None:
        try:
            end.get_loop().call_soon_threadsafe(settle, outcome)
        except RuntimeError:  # the server has ended meanwhile
            if isinstance(outcome, Made):
                outcome.release()

    return ended


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
